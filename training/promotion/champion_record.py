"""What a training run leaves in writing: `metrics.json` and `best_metrics.json`."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

from training.errors import TrainingError
from training.evaluation.mcnemar import CONFIDENCE_LEVEL, McNemarResult
from training.evaluation.metrics import Metrics
from training.evaluation.prediction import Predictions

DIGITS = 6


@dataclass(frozen=True)
class Provenance:  # pylint: disable=too-many-instance-attributes  # one for each fact
    """Hold where a model comes from: what it was trained on, and with which code.

    Sizes count rows; ``sample_fingerprint`` is the SHA-256 of the rows that were drawn;
    ``git_commit`` is None outside of a checkout. The revisions are commits on the Hub, None for
    local folders.
    """

    base_model: str
    dataset: str
    dataset_fingerprint: str
    sample_fingerprint: str
    train_size: int
    eval_size: int
    eval_split: str
    seed: int
    git_commit: str | None
    base_model_revision: str | None = None
    dataset_revision: str | None = None


@dataclass(frozen=True)
class Promotion:
    """Hold one line of the history of the best model; ``origin`` is trained, base,
    fetched or rollback."""

    timestamp: str
    model_tag: str
    accuracy: float
    origin: str


@dataclass(frozen=True)
class ChampionRecord:
    """Hold the content of ``best_metrics.json``.

    ``accuracy`` is a share in 0..1, ``timestamp`` the moment of the promotion in UTC (ISO 8601);
    ``details`` are further figures and facts, for people.
    """

    accuracy: float
    timestamp: str
    model_tag: str | None
    history: tuple[Promotion, ...]
    details: Mapping[str, Any]

    @classmethod
    def read(cls, path: Path, called: str | None = None) -> Self | None:
        """Read the file; None where there is none.

        Raises RecordError where it makes no sense, under the name that people know the file by.
        """
        if not path.exists():
            return None
        name = called or str(path)
        try:
            details = json.loads(path.read_text(encoding="utf-8"))
            accuracy = details.pop("accuracy")
            history = tuple(Promotion(**one) for one in details.pop("history", ()))
        except (OSError, ValueError, AttributeError, KeyError, TypeError) as error:
            raise RecordError(name, f"{type(error).__name__}: {error}") from error
        if isinstance(accuracy, bool) or not isinstance(accuracy, int | float):
            raise RecordError(name, f"its accuracy is {accuracy!r}")
        if not 0 <= accuracy <= 1:
            raise RecordError(name, f"its accuracy is {accuracy!r}, not in 0..1")
        timestamp, model_tag = details.pop("timestamp", ""), details.pop("model_tag", None)
        for field, value in {"timestamp": timestamp, "model_tag": model_tag or ""}.items():
            if not isinstance(value, str):
                raise RecordError(name, f"its {field} is {value!r}, no text")
        return cls(accuracy, timestamp, model_tag, history, details)

    @property
    def display_name(self) -> str:
        """Return what people call the model."""
        return self.model_tag or "the best so far"

    def with_history_entry(self, origin: str) -> Self:
        """Return the record with its own promotion added to the history."""
        line = Promotion(self.timestamp, self.display_name, self.accuracy, origin)
        return replace(self, history=(*self.history, line))

    def to_dict(self) -> dict[str, Any]:
        """Return what the file holds."""
        return {
            "accuracy": self.accuracy,
            "timestamp": self.timestamp,
            "model_tag": self.model_tag,
            **self.details,
            "history": [asdict(one) for one in self.history],
        }


def merge_histories(records: Sequence[ChampionRecord]) -> tuple[Promotion, ...]:
    """Return all promotions that the records tell of, each once, in the order of time."""
    lines = dict.fromkeys(line for record in records for line in record.history)
    return tuple(sorted(lines, key=lambda line: line.timestamp))


class RecordError(TrainingError):
    """Tell that ``best_metrics.json`` cannot be compared with."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(
            f"{name} is no record of the best model: {problem}. Restore it from a copy, or "
            "remove it to begin anew"
        )


def metrics_dict(scores: Predictions) -> dict[str, Any]:
    """Return all figures of a model as JSON, shares rounded to 6 digits."""
    evaluation, calibration = scores.metrics, scores.calibration
    return {
        "accuracy": _rounded(evaluation.accuracy),
        "macro_recall": _rounded(evaluation.macro_recall),
        "macro_f1": _rounded(evaluation.macro_f1),
        "expected_calibration_error": _rounded(calibration.error),
        "classes": _classes(evaluation),
        "confusion_matrix": {
            "labels": [one.name for one in evaluation.classes],
            "counts": [list(row) for row in evaluation.confusion],
        },
        "reliability": [_rounded_values(asdict(one)) for one in calibration.bins],
    }


def flat_metrics(scores: Predictions) -> dict[str, float]:
    """Return the figures by flat names, as they are stored beside a model."""
    flat = scores.metrics.flat()
    flat["expected_calibration_error"] = scores.calibration.error
    return {name: _rounded(value) for name, value in flat.items()}


def main_metrics(scores: Predictions) -> dict[str, float]:
    """Return the number of rows and what a model is known by, as a record keeps it of test."""
    found = flat_metrics(scores)
    kept = {name: found[name] for name in ("accuracy", "macro_recall", "macro_f1")}
    return {"rows": len(scores.labels), **kept}


def mcnemar_dict(test: McNemarResult) -> dict[str, Any]:
    """Return the paired test as JSON: its 2 by 2 table, the difference and how sure it is."""
    return asdict(test) | {
        "rows": test.rows,
        "difference": _rounded(test.difference),
        "confidence_interval": [_rounded(bound) for bound in test.interval],
        "confidence_level": CONFIDENCE_LEVEL,
        "p_value": float(f"{test.p_value:.3g}"),
        "test": "McNemar, mid-p, two-sided",
    }


def _classes(evaluation: Metrics) -> dict[str, dict[str, float]]:
    return {
        one.name: _rounded_values({key: value for key, value in vars(one).items() if key != "name"})
        for one in evaluation.classes
    }


def _rounded_values(values: Mapping[str, float]) -> dict[str, float]:
    return {key: _rounded(value) for key, value in values.items()}


def _rounded(value: float) -> float:
    return round(value, DIGITS)
