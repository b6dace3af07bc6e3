"""Which model a run registers, with its record and metadata."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

from inference.store import new_tag
from training.promotion.champion_record import ChampionRecord, Promotion
from training.promotion.comparison import EvaluatedModel, ModelComparison
from training.promotion.gate import Decision
from training.promotion.metadata import Origin, Provenance, write_metadata
from training.promotion.registry import current_model


def select_model_to_register(
    models: ModelComparison,
    decision: Decision,
    provenance: Provenance,
    history: tuple[Promotion, ...],
) -> tuple[EvaluatedModel, ChampionRecord] | None:
    """Return the model to register with its record, None if nothing changes.

    That is a promoted candidate. If there is none and the Bento store is empty, it is the Hub's
    champion, with its record there if it has one, or, if there never was a champion, the base
    model. ``history`` is that of all promotions so far.
    """
    if decision.promoted:
        return models.candidate, _with_metadata(models.candidate, "trained", history, provenance)
    if current_model() is not None:
        return None
    if models.champions:
        champion = models.champions[0]
        record = _new_record(champion, "fetched", history, {})
        if champion.records:
            published = champion.records[0]
            tag = published.model_tag or record.model_tag
            record = replace(published, model_tag=tag, history=history)
        return champion, record
    if not models.records_without_model:
        provenance = replace(provenance, train_size=0)
        return models.base, _with_metadata(models.base, "base", history, provenance)
    return None


def _with_metadata(
    model: EvaluatedModel, origin: Origin, history: tuple[Promotion, ...], provenance: Provenance
) -> ChampionRecord:
    """Write the metadata of an exported model into its folder, and return its new record."""
    selected, facts = model.selected_precision, asdict(provenance)
    write_metadata(model.folder, origin, facts, selected, model.evaluation, model.test_split)
    details = {"precision": selected and selected.precision, **facts}
    if model.test_split is not None:
        details["test_split"] = model.test_split.summary()
    return _new_record(model, origin, history, details)


def _new_record(
    model: EvaluatedModel,
    origin: Origin,
    history: tuple[Promotion, ...],
    details: Mapping[str, Any],
) -> ChampionRecord:
    metrics = model.evaluation.metrics_dict()
    record = ChampionRecord(
        accuracy=metrics.pop("accuracy"),
        timestamp=datetime.now(UTC).isoformat(timespec="seconds"),
        model_tag=str(new_tag()),
        history=history,
        details={"origin": origin, **metrics, **details},
    )
    return record.with_history_entry(origin)
