"""Targets of a benchmark."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.stats import table


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
