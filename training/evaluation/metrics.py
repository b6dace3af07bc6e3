"""Accuracy, recall, F1, confusion matrix and calibration error of predictions."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

CALIBRATION_BINS = 10


@dataclass(frozen=True)
class ClassMetrics:
    """Metrics of one class, each in 0..1, and the number of its rows."""

    name: str
    precision: float
    recall: float
    f1: float
    rows: int


@dataclass(frozen=True)
class Metrics:
    """Metrics of a classifier on labelled rows, each in 0..1.

    ``confusion[i][j]`` counts the rows of class ``i`` that were predicted as class ``j``.
    """

    rows: int
    accuracy: float
    macro_recall: float
    macro_f1: float
    classes: tuple[ClassMetrics, ...]
    confusion: tuple[tuple[int, ...], ...]

    def flat(self) -> dict[str, float]:
        """Return the metrics without nesting, such as ``accuracy`` and ``recall_positive``."""
        flat = {
            "accuracy": self.accuracy,
            "macro_recall": self.macro_recall,
            "macro_f1": self.macro_f1,
        }
        for one in self.classes:
            flat |= {
                f"{key}_{one.name}": getattr(one, key) for key in ("precision", "recall", "f1")
            }
        return flat


@dataclass(frozen=True)
class Bin:
    """Rows whose confidence is in ``lower`` to ``upper``, with their means, all in 0..1."""

    lower: float
    upper: float
    confidence: float
    accuracy: float
    rows: int


@dataclass(frozen=True)
class Calibration:
    """The non-empty bins, sorted by confidence."""

    bins: tuple[Bin, ...]

    @property
    def error(self) -> float:
        """Return the expected calibration error, in 0..1.

        This is the mean distance between confidence and accuracy, each bin weighted by its rows
        (Naeini et al. 2015, with their 10 bins of equal width).
        """
        rows = sum(one.rows for one in self.bins)
        return sum(one.rows * abs(one.confidence - one.accuracy) for one in self.bins) / rows


class RowCountError(ValueError):
    """Two lists do not have one value for each row."""

    def __init__(self, first: int, second: int) -> None:
        super().__init__(
            f"lists of {first} and {second} rows cannot be compared: give one value of each for "
            "every row, and at least one row"
        )


def check_row_counts(first: Sequence[object], second: Sequence[object]) -> None:
    """Raise RowCountError if two lists differ in length or are empty."""
    if len(first) != len(second) or not first:
        raise RowCountError(len(first), len(second))


def compute_metrics(
    labels: Sequence[int], predicted: Sequence[int], names: Sequence[str]
) -> Metrics:
    """Compare predicted class ids, which are positions in ``names``, with the true ones.

    Macro averages weigh every class of ``names`` alike; a metric that divides by zero, for a class
    without rows or predictions, is 0.

    Macro-averaged recall is the measure of SemEval-2017 task 4 subtask A (Rosenthal et al.
    2017) and of TweetEval (Barbieri et al. 2020).

    Raises RowCountError.
    """
    check_row_counts(labels, predicted)
    ids = range(len(names))
    columns = precision_recall_fscore_support(labels, predicted, labels=ids, zero_division=0)
    classes = tuple(
        ClassMetrics(name, *values)
        for name, *values in zip(names, *(column.tolist() for column in columns))
    )
    confusion = confusion_matrix(labels, predicted, labels=ids).tolist()
    return Metrics(
        rows=len(labels),
        accuracy=agreement(labels, predicted),
        macro_recall=sum(one.recall for one in classes) / len(names),
        macro_f1=sum(one.f1 for one in classes) / len(names),
        classes=classes,
        confusion=tuple(map(tuple, confusion)),
    )


def agreement(first: Sequence[int], second: Sequence[int]) -> float:
    """Return the share of rows, in 0..1, for which two lists are equal. Raises RowCountError."""
    check_row_counts(first, second)
    return float(np.mean(np.equal(first, second)))


def compute_calibration(confidences: Sequence[float], correct: Sequence[bool]) -> Calibration:
    """Compare the scores of predicted classes, in 0..1, with whether they were correct.

    A bin includes its lower bound but not its upper one; the last bin includes 1. Raises
    RowCountError.
    """
    check_row_counts(confidences, correct)
    scores, hits = np.array(confidences), np.array(correct)
    numbers = np.minimum((scores * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    return Calibration(
        tuple(
            Bin(
                lower=number / CALIBRATION_BINS,
                upper=(number + 1) / CALIBRATION_BINS,
                confidence=float(scores[numbers == number].mean()),
                accuracy=float(hits[numbers == number].mean()),
                rows=int((numbers == number).sum()),
            )
            for number in np.unique(numbers).tolist()
        )
    )
