"""Medians, percentiles and tables of measured values."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of several runs, with the lowest and the highest."""

    median: float
    lowest: float
    highest: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Return the spread of one value or more."""
        return cls(statistics.median(values), min(values), max(values))

    def show(self, decimals: int) -> str:
        """Return ``median (lowest .. highest)``."""
        median, lowest, highest = (
            f"{value:,.{decimals}f}" for value in (self.median, self.lowest, self.highest)
        )
        return f"{median} ({lowest} .. {highest})"


def percentile(values: Sequence[float], share: float) -> float:
    """Return the percentile ``share`` (0..1) by the nearest-rank method, NaN without values."""
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
