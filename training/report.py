"""What a training run has to tell, and `metrics.json` made of it."""

from dataclasses import asdict, dataclass
from typing import Any

from training.decision import Decision
from training.mcnemar import PairedTest
from training.precision import Choice
from training.records import DIGITS, Origin, comparison, figures
from training.scoring import Scores


@dataclass(frozen=True)
class Judged:
    """Hold a model that was judged: its name for people and its accuracy, in 0..1.

    ``scores`` are those of the evaluation rows, None where only a recorded accuracy is left;
    ``choice`` is the precision that the run chose for it, None where it chose none.
    """

    name: str
    accuracy: float
    scores: Scores | None
    choice: Choice | None


@dataclass(frozen=True)
class RunReport:  # pylint: disable=too-many-instance-attributes  # one for each fact
    """Hold the outcome of a training run.

    ``champion`` is None where there was none but the base model. ``test`` compares the candidate
    with the champion, or else the base model, on the whole split; it is None where the champion's
    model was not to be had. ``model_tag`` is that of the model that the run put into the Bento
    store, None where it put none; ``timestamp`` is in UTC (ISO 8601).
    """

    origin: Origin
    candidate: Judged
    base: Judged
    champion: Judged | None
    test: PairedTest | None
    decision: Decision
    model_tag: str | None
    timestamp: str
    duration_s: float

    @property
    def rival(self) -> Judged:
        """Return the model whose place the candidate would take."""
        return self.champion or self.base

    @property
    def scores(self) -> Scores:
        """Return the candidate's scores. Raises ReportError where it has none."""
        if self.candidate.scores is None:
            raise ReportError(self.candidate.name)
        return self.candidate.scores


class ReportError(ValueError):
    """Tell that a run has nothing to report."""

    def __init__(self, candidate: str) -> None:
        super().__init__(f"the candidate {candidate} has no scores: score it before reporting")


def metrics_json(report: RunReport) -> dict[str, Any]:
    """Return the content of ``metrics.json``, shares rounded to 6 digits.

    The figures at the top are the candidate's, in the form that would be served.
    """
    champion, choice = report.champion, report.candidate.choice
    return {
        **_figures(report.candidate),
        "precision": choice and choice.precision,
        "precision_reason": choice and choice.reason,
        "base": _figures(report.base),
        "champion": champion and {"name": champion.name, **_figures(champion)},
        "comparison": report.test and comparison(report.test),
        "decision": asdict(report.decision),
        **asdict(report.origin),
        "model_tag": report.model_tag,
        "timestamp": report.timestamp,
        "duration_s": round(report.duration_s, 1),
    }


def _figures(judged: Judged) -> dict[str, Any]:
    if judged.scores is None:
        return {"accuracy": round(judged.accuracy, DIGITS)}
    return figures(judged.scores)
