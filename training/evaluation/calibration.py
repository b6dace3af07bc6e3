"""Say in figures whether a model's confidence can be believed."""

from collections.abc import Sequence
from dataclasses import dataclass

BINS = 10


@dataclass(frozen=True)
class Bin:
    """Hold the rows whose confidence lies in one interval.

    ``confidence`` and ``accuracy`` are means over these rows, each in 0..1.
    """

    lower: float
    upper: float
    confidence: float
    accuracy: float
    rows: int


@dataclass(frozen=True)
class Calibration:
    """Hold the bins that have rows, in the order of their confidence."""

    bins: tuple[Bin, ...]

    @property
    def error(self) -> float:
        """Return the expected calibration error, in 0..1.

        That is the mean distance between confidence and accuracy, each bin weighed by its rows
        (Naeini et al. 2015, with their 10 bins of equal width).
        """
        rows = sum(one.rows for one in self.bins)
        return sum(one.rows * abs(one.confidence - one.accuracy) for one in self.bins) / rows


class CalibrationError(ValueError):
    """Tell that a model's confidence cannot be judged."""

    def __init__(self, confidences: int, verdicts: int) -> None:
        super().__init__(
            f"{confidences} confidences and {verdicts} verdicts cannot be compared: "
            "give one verdict for each confidence, and at least one of them"
        )


def calibration(confidences: Sequence[float], right: Sequence[bool]) -> Calibration:
    """Compare the scores of predicted classes, in 0..1, with whether they were right.

    A bin holds its lower bound but not its upper one; a confidence of 1 is in the last bin.
    Raises CalibrationError where the two differ in length or are empty.
    """
    if len(confidences) != len(right) or not confidences:
        raise CalibrationError(len(confidences), len(right))
    members: list[list[int]] = [[] for _ in range(BINS)]
    for row, confidence in enumerate(confidences):
        members[min(int(confidence * BINS), BINS - 1)].append(row)
    return Calibration(
        tuple(
            Bin(
                lower=number / BINS,
                upper=(number + 1) / BINS,
                confidence=sum(confidences[row] for row in rows) / len(rows),
                accuracy=sum(right[row] for row in rows) / len(rows),
                rows=len(rows),
            )
            for number, rows in enumerate(members)
            if rows
        )
    )
