"""Predictions of a model for labelled tweets, made as the service makes them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
from tqdm import tqdm

from inference.classifier import ClassificationError, Classifier
from training.data.dataset import LABELS, Tweets
from training.data.label_alignment import align_labels
from training.errors import TrainingError
from training.evaluation.metrics import Calibration, Metrics, compute_calibration, compute_metrics

DIGITS = 6
"""To which metrics are rounded where they are written."""


class PredictionError(TrainingError):
    """A model fails on a tweet."""

    def __init__(self, name: str, row: int) -> None:
        super().__init__(
            f"{name} failed on row {row} of the evaluated rows, or gave no probability for it: "
            "train again with a lower learning rate, or choose another BASE_MODEL"
        )


@dataclass(frozen=True)
class Predictions:
    """Predicted probabilities [rows, classes] and true class ids, classes as in ``LABELS``."""

    labels: tuple[int, ...]
    probabilities: np.ndarray

    @cached_property
    def predicted(self) -> list[int]:
        """Return the class id with the highest probability for each row."""
        predicted: list[int] = self.probabilities.argmax(axis=1).tolist()
        return predicted

    @cached_property
    def correct(self) -> list[bool]:
        """Return for each row whether the prediction is its label."""
        return [one == other for one, other in zip(self.predicted, self.labels)]

    @cached_property
    def metrics(self) -> Metrics:
        """Return the metrics of the predictions."""
        return compute_metrics(self.labels, self.predicted, LABELS)

    @cached_property
    def calibration(self) -> Calibration:
        """Return how confidence compares with accuracy."""
        return compute_calibration(self.probabilities.max(axis=1).tolist(), self.correct)

    @property
    def accuracy(self) -> float:
        """Return the share of rows, in 0..1, that were predicted correctly."""
        return sum(self.correct) / len(self.labels)

    def select(self, indices: tuple[int, ...]) -> "Predictions":
        """Return the predictions for these rows, in this order."""
        labels = tuple(self.labels[index] for index in indices)
        return Predictions(labels, self.probabilities[list(indices)])

    def metrics_dict(self) -> dict[str, Any]:
        """Return all metrics as JSON, rounded to 6 digits."""
        classes = self.metrics.classes
        return {
            **self._main_metrics(),
            "expected_calibration_error": round(self.calibration.error, DIGITS),
            "classes": {
                one.name: _rounded({k: v for k, v in vars(one).items() if k != "name"})
                for one in classes
            },
            "confusion_matrix": {
                "labels": [one.name for one in classes],
                "counts": [list(row) for row in self.metrics.confusion],
            },
            "reliability": [_rounded(asdict(one)) for one in self.calibration.bins],
        }

    def flat_metrics(self) -> dict[str, float]:
        """Return the metrics without nesting, rounded to 6 digits, for a model's metadata."""
        flat = self.metrics.flat() | {"expected_calibration_error": self.calibration.error}
        return _rounded(flat)

    def summary(self) -> dict[str, float]:
        """Return the number of rows and the main metrics, rounded to 6 digits."""
        return {"rows": len(self.labels), **self._main_metrics()}

    def _main_metrics(self) -> dict[str, float]:
        flat = self.flat_metrics()
        return {name: flat[name] for name in ("accuracy", "macro_recall", "macro_f1")}


def predict(classifier: Classifier, tweets: Tweets, name: str) -> Predictions:
    """Classify every tweet by itself; ``name`` is the model's display name.

    Raises LabelMismatchError if the model's labels are not those of the tweets, and PredictionError
    if it fails on one of them.
    """
    columns = list(align_labels(name, LABELS, classifier.labels))
    probabilities = predict_probabilities(classifier, tweets.texts, name)
    return Predictions(tweets.labels, probabilities[:, columns])


def predict_probabilities(classifier: Classifier, texts: Sequence[str], name: str) -> np.ndarray:
    """Return float64 probabilities [texts, labels], labels in the model's order.

    One text at a time: int8 scores vary a little with the texts that share a forward pass. Raises
    PredictionError if the model fails on a text.
    """
    rows: list[np.ndarray] = []
    for text in tqdm(texts, desc=f"Evaluating {name}", unit=" tweets", disable=None):
        try:
            rows.append(classifier.classify([text]))
        except ClassificationError as error:
            raise PredictionError(name, len(rows)) from error
    return np.concatenate(rows)


def _rounded(values: Mapping[str, float]) -> dict[str, float]:
    return {key: round(value, DIGITS) for key, value in values.items()}
