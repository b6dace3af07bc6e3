"""Statistics of measured values: medians, percentiles, tables and targets."""

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


@dataclass(frozen=True, slots=True)
class Target:
    """A measured value and its lower or upper limit."""

    name: str
    measured: float
    least: float | None = None
    most: float | None = None

    @property
    def is_met(self) -> bool:
        """Return whether the value is within the limit."""
        return (self.least is None or self.measured >= self.least) and (
            self.most is None or self.measured <= self.most
        )

    def show(self) -> tuple[str, str, str, str]:
        """Return the cells of a row: name, value, limit, met or MISSED."""
        limit = f"at least {self.least:,}" if self.most is None else f"at most {self.most:,}"
        return self.name, f"{self.measured:,.3f}", limit, "met" if self.is_met else "MISSED"


def show_targets(targets: Sequence[Target]) -> str:
    """Return a table with a row for each target."""
    return table([("target", "measured", "limit", ""), *(target.show() for target in targets)])
