"""Who is to be served after a contest, and its papers."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from inference.store import new_tag
from training.data.sampling import SampledSplits
from training.promotion.champion_record import (
    ChampionRecord,
    Promotion,
    Provenance,
    main_metrics,
    metrics_dict,
)
from training.promotion.comparison import Contender, Contest, Exported
from training.promotion.gate import Decision
from training.promotion.metadata import Kind, metadata, write_metadata
from training.promotion.registry import current_model


@dataclass(frozen=True)
class Successor:
    """Hold a model that is to be put into the Bento store, and its record."""

    kind: Kind
    folder: Path
    best: ChampionRecord


def name_successor(
    contest: Contest,
    decision: Decision,
    sample: SampledSplits,
    origin: Provenance,
    history: tuple[Promotion, ...],
) -> Successor | None:
    """Return who takes the champion's place, None where nobody does.

    That is the candidate where it is better. Where it is not and the Bento store is empty, it is
    the Hub's champion, under the name and figures of its record there, if any, for which a record
    here is given up whose model is gone; or, where there never was a champion, the base model.
    ``history`` is that of all promotions so far.
    """
    if decision.promoted:
        return _crown("trained", contest.candidate, history, sample, origin)
    if current_model() is not None:
        return None
    if contest.champion is not None:
        best = _best("fetched", contest.champion, history, sample, {})
        if contest.champion.records:
            record = contest.champion.records[0]
            best = replace(record, model_tag=record.model_tag or best.model_tag, history=history)
        return Successor("fetched", contest.champion.folder, best)
    if not contest.lost:
        return _crown("base", contest.base, history, sample, replace(origin, train_size=0))
    return None


def _crown(
    kind: Kind,
    model: Exported,
    history: tuple[Promotion, ...],
    sample: SampledSplits,
    origin: Provenance,
) -> Successor:
    scores, choice = model.judged(sample).scores, model.choice
    write_metadata(model.folder, metadata(kind, origin, choice, scores, model.test))
    facts = {"precision": choice.precision, **asdict(origin)}
    if model.test is not None:
        facts["test_split"] = main_metrics(model.test)
    return Successor(kind, model.folder, _best(kind, model, history, sample, facts))


def _best(
    kind: Kind,
    model: Contender,
    history: tuple[Promotion, ...],
    sample: SampledSplits,
    facts: Mapping[str, Any],
) -> ChampionRecord:
    """Return the record of a model that is promoted now."""
    shares = metrics_dict(model.judged(sample).scores)
    best = ChampionRecord(
        accuracy=shares.pop("accuracy"),
        timestamp=datetime.now(UTC).isoformat(timespec="seconds"),
        model_tag=str(new_tag()),
        history=history,
        details={"origin": kind, **shares, **facts},
    )
    return best.with_history_entry(kind)
