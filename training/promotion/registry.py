"""Which model is the champion, in the Bento store and in ``best_metrics.json``.

What is about to change is written down first, so that the next run recovers an interrupted one.
"""

import logging
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bentoml

from inference.settings import ModelSettings
from inference.store import MODEL_NAME, STARTER_ORIGIN, find_model, new_tag, register_model
from patches.model_store import set_latest
from training.files import Files, write_json
from training.promotion.champion_record import ChampionRecord, Promotion
from training.promotion.metadata import Origin, Provenance, write_metadata

if TYPE_CHECKING:  # heavy, and `python -m training.publish` needs none of it
    from training.promotion.comparison import EvaluatedModel, ModelComparison
    from training.promotion.gate import Decision

logger = logging.getLogger(__name__)


def current_model() -> bentoml.Model | None:
    """Return the model that is served by default; None for an empty store or the starter."""
    model = find_model(bentoml.Tag(MODEL_NAME, None))
    if model is None or model.info.metadata.get("origin") == STARTER_ORIGIN:
        return None
    return model


def serving_note(tag: str) -> str:
    """Return what `make serve` does now that the model of a tag is the newest."""
    named = ModelSettings().model_tag
    if named in (MODEL_NAME, f"{MODEL_NAME}:latest", tag):
        return "`make serve` serves it from now on"
    return f"`make serve` still serves {named}, which MODEL_TAG names"


def select_model_to_register(
    models: "ModelComparison",
    decision: "Decision",
    provenance: Provenance,
    history: tuple[Promotion, ...],
) -> "tuple[EvaluatedModel, ChampionRecord] | None":
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


def promote(folder: Path, record: ChampionRecord, files: Files) -> bentoml.Model:
    """Register the model of a folder under the record's tag, and replace ``best_metrics.json``.

    If it is killed, ``recover_interrupted_promotion`` leaves the old champion or the new one.
    """
    write_json(files.pending_promotion, record.to_dict())
    model = register_model(folder, bentoml.Tag.from_taglike(str(record.model_tag)))
    _finish(record, files)
    return model


def recover_interrupted_promotion(files: Files) -> None:
    """Complete an interrupted promotion if its model is in the store, else cancel it."""
    record = ChampionRecord.read(files.pending_promotion)
    if record is None:
        return
    if (model := find_model(bentoml.Tag.from_taglike(str(record.model_tag)))) is None:
        logger.warning("The last run was interrupted before its promotion: nothing has changed")
        files.pending_promotion.unlink()
    else:
        logger.warning(
            "The last run was interrupted: completing the promotion of %s", record.model_tag
        )
        set_latest(model.tag)
        _finish(record, files)


def _with_metadata(
    model: "EvaluatedModel", origin: Origin, history: tuple[Promotion, ...], provenance: Provenance
) -> ChampionRecord:
    """Write the metadata of an exported model into its folder, and return its new record."""
    selected, facts = model.selected_precision, asdict(provenance)
    write_metadata(model.folder, origin, facts, selected, model.evaluation, model.test_split)
    details = {"precision": selected and selected.precision, **facts}
    if model.test_split is not None:
        details["test_split"] = model.test_split.summary()
    return _new_record(model, origin, history, details)


def _new_record(
    model: "EvaluatedModel",
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


def _finish(record: ChampionRecord, files: Files) -> None:
    write_json(files.best, record.to_dict())
    files.pending_promotion.unlink()
