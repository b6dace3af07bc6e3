"""Rows that time out by themselves: others go first."""

import time
from dataclasses import dataclass

from db.spool_file import Place, SpooledRow

MAX_ROWS = 100  # if more rows are slow, it is not the rows that are slow
LONGEST_DELAY_S = 600.0


@dataclass(frozen=True, slots=True)
class _Delay:
    """When a row is tried again, by the monotonic clock, and how long that was to wait."""

    row: SpooledRow
    due_s: float
    delay_s: float


class Postponed:
    """What is to be tried again alone, ever more rarely: an attempt holds the others up.

    It is in memory only: the rows stay in the spool, and the next process tries them with all.
    """

    def __init__(self, first_delay_s: float) -> None:
        self._first_delay_s = first_delay_s
        self._delays: dict[Place, _Delay] = {}

    @property
    def places(self) -> frozenset[Place]:
        """Return where these rows are spooled."""
        return frozenset(self._delays)

    def add(self, row: SpooledRow) -> float:
        """Postpone a row, twice as long as the last time; return for how many seconds."""
        known = self._delays.pop(row.place, None)
        delay_s = self._first_delay_s if known is None else known.delay_s * 2
        delay_s = min(delay_s, LONGEST_DELAY_S)
        if len(self._delays) == MAX_ROWS:
            del self._delays[next(iter(self._delays))]
        self._delays[row.place] = _Delay(row, time.monotonic() + delay_s, delay_s)
        return delay_s

    def discard(self, row: SpooledRow) -> None:
        """Forget a row, which is written or no longer in its place."""
        self._delays.pop(row.place, None)

    def due(self) -> SpooledRow | None:
        """Return the row that has been due longest, None if none is."""
        first = min(self._delays.values(), key=lambda delay: delay.due_s, default=None)
        return first.row if first is not None and first.due_s <= time.monotonic() else None
