"""The arithmetic of measured values."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of several runs, between the lowest and the highest."""

    median: float
    lowest: float
    highest: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Return the spread of at least one value."""
        return cls(statistics.median(values), min(values), max(values))

    def show(self, decimals: int) -> str:
        """Return it as ``median (lowest .. highest)``."""
        median, lowest, highest = (
            f"{value:,.{decimals}f}" for value in (self.median, self.lowest, self.highest)
        )
        return f"{median} ({lowest} .. {highest})"


def percentile(values: Sequence[float], share: float) -> float:
    """Return the least of the values that ``share`` (0..1) of them do not exceed.

    Source: the nearest-rank method. NaN where there are no values.
    """
    if not values:
        return math.nan
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def table(rows: Sequence[Sequence[str]]) -> str:
    """Return rows of cells as text in columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )
