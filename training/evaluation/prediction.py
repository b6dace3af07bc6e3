"""Let a model that is ready to be served judge tweets, as serving would."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from inference.classifier import ClassificationError, Classifier
from training.data.dataset import LABELS, Tweets
from training.data.label_alignment import align_labels
from training.errors import TrainingError
from training.evaluation.calibration import Calibration, calibration
from training.evaluation.metrics import Metrics, compute_metrics
from training.terminal import has_terminal


class PredictionError(TrainingError):
    """Tell that a model says nothing of a tweet."""

    def __init__(self, name: str, row: int) -> None:
        super().__init__(
            f"{name} failed on row {row} of those it was judged on, or gave no probability for it: "
            "train again with a lower learning rate, or choose another BASE_MODEL"
        )


@dataclass(frozen=True)
class Predictions:
    """Hold what a model said of labelled rows.

    ``probabilities`` are [rows, classes], the classes in the order of ``LABELS``.
    """

    labels: tuple[int, ...]
    probabilities: np.ndarray

    @property
    def predicted(self) -> list[int]:
        """Return the class id of the highest probability of each row."""
        predicted: list[int] = self.probabilities.argmax(axis=1).tolist()
        return predicted

    @property
    def correct(self) -> list[bool]:
        """Tell of each row whether the prediction is its label."""
        return [one == other for one, other in zip(self.predicted, self.labels)]

    @property
    def metrics(self) -> Metrics:
        """Return how good the predictions are."""
        return compute_metrics(self.labels, self.predicted, LABELS)

    @property
    def calibration(self) -> Calibration:
        """Return how far the confidence can be believed."""
        return calibration(self.probabilities.max(axis=1).tolist(), self.correct)

    @property
    def accuracy(self) -> float:
        """Return the share of rows, in 0..1, that were predicted right."""
        return sum(self.correct) / len(self.labels)

    def rows(self, numbers: tuple[int, ...]) -> "Predictions":
        """Return the scores of these rows, in this order."""
        labels = tuple(self.labels[number] for number in numbers)
        return Predictions(labels, self.probabilities[list(numbers)])


def predict(classifier: Classifier, tweets: Tweets, name: str) -> Predictions:
    """Classify every tweet by itself; ``name`` is what people call the model.

    Raises LabelMismatchError if the model's labels are not those of the tweets, and PredictionError
    if it fails on one of them.
    """
    columns = list(align_labels(name, LABELS, classifier.labels))
    return Predictions(
        tweets.labels, predict_probabilities(classifier, tweets.texts, name)[:, columns]
    )


def predict_probabilities(classifier: Classifier, texts: Sequence[str], name: str) -> np.ndarray:
    """Return float64 probabilities [texts, labels], the labels in the model's order.

    One text at a time, so that no score depends on its neighbours: int8 scores move a little with
    the texts that share a forward pass. Raises PredictionError where the model fails on a text.
    """
    progress = tqdm(texts, desc=f"Scoring {name}", unit=" tweets", disable=not has_terminal())
    rows: list[np.ndarray] = []
    for text in progress:
        try:
            rows.append(classifier.classify([text]))
        except ClassificationError as error:
            raise PredictionError(name, len(rows)) from error
    return np.concatenate(rows)
