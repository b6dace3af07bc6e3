"""What a training run has to tell, and `metrics.json` made of it."""

from dataclasses import asdict, dataclass
from typing import Any

from training.evaluation.mcnemar import McNemarResult
from training.evaluation.prediction import Predictions
from training.export.precision_selection import SelectedPrecision
from training.finetuning.hyperparameters import FinetuningResult
from training.promotion.champion_record import DIGITS, Provenance, mcnemar_dict, metrics_dict
from training.promotion.gate import Decision


@dataclass(frozen=True)
class Judged:
    """Hold a model that was judged: its name for people and its scores of the evaluation rows.

    ``choice`` is the precision that the run chose for it, None where it chose none.
    """

    name: str
    scores: Predictions
    choice: SelectedPrecision | None

    @property
    def accuracy(self) -> float:
        """Return the share of evaluation rows, in 0..1, that it got right."""
        return self.scores.accuracy


@dataclass(frozen=True)
class Recorded:
    """Hold what is left of a champion whose model is not to be had: its accuracy was in 0..1."""

    name: str
    accuracy: float


@dataclass(frozen=True)
class RunReport:  # pylint: disable=too-many-instance-attributes  # one for each fact
    """Hold the outcome of a training run.

    ``champion`` is None where there was none but the base model. ``test`` compares the candidate
    with the champion, or else the base model, on the whole split; it is None where the champion's
    model is not available. ``unreachable_hub`` is the repository on the Hub that could not be
    asked for its champion. ``learning`` tells how the candidate was trained. ``model_tag`` is that
    of the model that the run put into the Bento store, None where it put none; ``timestamp`` is in
    UTC (ISO 8601).

    Of a promoted candidate, ``test_split`` are the scores of that split, if the data set has it,
    and ``original`` those of the evaluation rows in float32 by transformers, not as it is served.
    """

    provenance: Provenance
    candidate: Judged
    base: Judged
    champion: Judged | Recorded | None
    learning: FinetuningResult
    test: McNemarResult | None
    decision: Decision
    model_tag: str | None
    timestamp: str
    duration_s: float
    unreachable_hub: str | None = None
    test_split: Predictions | None = None
    original: Predictions | None = None

    @property
    def rival(self) -> Judged | Recorded:
        """Return the model whose place the candidate would take."""
        return self.champion or self.base

    @property
    def scores(self) -> Predictions:
        """Return the candidate's scores of the evaluation rows."""
        return self.candidate.scores


def metrics_json(report: RunReport) -> dict[str, Any]:
    """Return the content of ``metrics.json``, shares rounded to 6 digits.

    The figures at the top are the candidate's, in the form that would be served.
    """
    champion, choice, learning = report.champion, report.candidate.choice, report.learning
    return {
        **_figures(report.candidate),
        "precision": choice and choice.precision,
        "precision_reason": choice and choice.reason,
        "test_split": report.test_split
        and {"rows": len(report.test_split.labels), **metrics_dict(report.test_split)},
        "float32": report.original and metrics_dict(report.original),
        "base": _figures(report.base),
        "champion": champion and {"name": champion.name, **_figures(champion)},
        "comparison": report.test and mcnemar_dict(report.test),
        "decision": asdict(report.decision),
        "unreachable_hub": report.unreachable_hub,
        **asdict(report.provenance),
        "learning": asdict(learning)
        | {"loss": round(learning.loss, DIGITS), "duration_s": round(learning.duration_s, 1)},
        "model_tag": report.model_tag,
        "timestamp": report.timestamp,
        "duration_s": round(report.duration_s, 1),
    }


def _figures(judged: Judged | Recorded) -> dict[str, Any]:
    if isinstance(judged, Recorded):
        return {"accuracy": round(judged.accuracy, DIGITS)}
    return metrics_dict(judged.scores)
