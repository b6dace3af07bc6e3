"""The result of a training run, and ``metrics.json`` made of it."""

from dataclasses import asdict, dataclass
from typing import Any

from training.evaluation.prediction import DIGITS
from training.finetuning.hyperparameters import FinetuningResult
from training.promotion.champion_record import ChampionRecord
from training.promotion.comparison import Baseline, EvaluatedModel, ModelComparison
from training.promotion.gate import Decision
from training.promotion.metadata import Provenance


@dataclass(frozen=True)
class RunReport:  # pylint: disable=too-many-instance-attributes  # one for each fact
    """The result of a training run.

    ``model_tag`` is that of the model that the run registers, None if it registers none;
    ``timestamp`` is in UTC (ISO 8601). ``unreachable_hub`` is the repository on the Hub that could
    not be asked for its champion.
    """

    provenance: Provenance
    models: ModelComparison
    training: FinetuningResult
    decision: Decision
    model_tag: str | None
    timestamp: str
    duration_s: float
    unreachable_hub: str | None = None

    @property
    def candidate(self) -> EvaluatedModel:
        """Return the model that the run trained."""
        return self.models.candidate


def metrics_json(report: RunReport) -> dict[str, Any]:
    """Return the content of ``metrics.json``, shares rounded to 6 digits.

    The metrics at the top are the candidate's, in the form that would be served.
    """
    models, training, candidate = report.models, report.training, report.candidate
    champion, selected, test = models.champion, candidate.selected_precision, candidate.test_split
    return {
        **_metrics(candidate),
        "precision": selected and selected.precision,
        "precision_reason": selected and selected.reason,
        "test_split": test and {"rows": len(test.labels), **test.metrics_dict()},
        "float32": candidate.float32 and candidate.float32.metrics_dict(),
        "base": _metrics(models.base),
        "champion": champion and {"name": champion.display_name, **_metrics(champion)},
        "comparison": models.mcnemar and models.mcnemar.to_dict(),
        "decision": asdict(report.decision),
        "unreachable_hub": report.unreachable_hub,
        **asdict(report.provenance),
        "training": asdict(training)
        | {"loss": round(training.loss, DIGITS), "duration_s": round(training.duration_s, 1)},
        "model_tag": report.model_tag,
        "timestamp": report.timestamp,
        "duration_s": round(report.duration_s, 1),
    }


def _metrics(model: Baseline) -> dict[str, Any]:
    if isinstance(model, ChampionRecord):
        return {"accuracy": round(model.accuracy, DIGITS)}
    return model.evaluation.metrics_dict()
