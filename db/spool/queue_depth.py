"""How much waits in the spool."""

import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Depth:
    """How much is spooled; ``oldest_s`` is when the oldest waiting row was, None without one."""

    waiting: int = 0
    quarantined: int = 0
    oldest_s: float | None = None

    def __add__(self, other: "Depth") -> "Depth":
        times_s = [time_s for time_s in (self.oldest_s, other.oldest_s) if time_s is not None]
        return Depth(
            self.waiting + other.waiting,
            self.quarantined + other.quarantined,
            min(times_s, default=None),
        )

    @property
    def oldest_age_s(self) -> float:
        """Return how many seconds the oldest row has waited, 0 without one."""
        return 0.0 if self.oldest_s is None else max(0.0, time.time() - self.oldest_s)
