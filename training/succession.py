"""Who is to be served after a contest, and its papers."""

from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from inference.store import new_tag
from training.champion import in_store
from training.contest import Contender, Contest
from training.decision import Decision
from training.metadata import Kind, metadata, write_metadata
from training.records import Best, Origin, figures
from training.sampling import Sample


@dataclass(frozen=True)
class Successor:
    """Hold a model that is to be put into the Bento store, and its record."""

    kind: Kind
    folder: Path
    best: Best


def name_successor(
    contest: Contest, decision: Decision, sample: Sample, origin: Origin
) -> Successor | None:
    """Return who takes the champion's place, None where nobody does.

    That is the candidate where it is better. Where it is not and the Bento store is empty, it is
    the one that it lost to, so that there is always the best one to serve: the Hub's champion
    under the name and record that it has there, or on a first run the base model.
    """
    if decision.improved:
        return _crown("trained", contest.candidate, contest.record, sample, origin)
    if in_store() is not None:
        return None
    if contest.champion is not None and contest.record is not None:
        record = contest.record
        best = replace(record, model_tag=record.model_tag or str(new_tag()))
        return Successor("fetched", contest.champion.folder, best)
    if contest.champion is None and contest.record is None:
        return _crown("base", contest.base, None, sample, replace(origin, train_size=0))
    return None


def _crown(
    kind: Kind, model: Contender, previous: Best | None, sample: Sample, origin: Origin
) -> Successor:
    judged = model.judged(sample)
    if judged.scores is None or judged.choice is None:
        raise ValueError(f"{model.name} was neither scored nor exported by this run")
    facts = metadata(kind, origin, judged.choice, judged.scores)
    write_metadata(model.folder, facts)
    shares = figures(judged.scores)
    best = Best(
        accuracy=shares.pop("accuracy"),
        timestamp=datetime.now(UTC).isoformat(timespec="seconds"),
        model_tag=str(new_tag()),
        history=() if previous is None else previous.history,
        details={"origin": kind, "precision": judged.choice.precision, **shares, **asdict(origin)},
    )
    return Successor(kind, model.folder, best.remembered(kind))
