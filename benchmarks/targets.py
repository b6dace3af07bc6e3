"""What is wanted of a figure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Goal:
    """A limit that a figure is to keep to, and the figure."""

    name: str
    measured: float
    least: float | None = None
    most: float | None = None

    @property
    def is_met(self) -> bool:
        """Tell whether the figure keeps to the limit."""
        return (self.least is None or self.measured >= self.least) and (
            self.most is None or self.measured <= self.most
        )

    def show(self) -> tuple[str, str, str, str]:
        """Return the cells of a line."""
        limit = f"at least {self.least:,}" if self.most is None else f"at most {self.most:,}"
        return self.name, f"{self.measured:,.3f}", limit, "met" if self.is_met else "MISSED"
