"""Rows that cannot be written alone either: others go first."""

import time
from collections.abc import Iterable
from dataclasses import dataclass

from db.spool.file import RowLocation, SpooledRow

MAX_ROWS = 100  # if more rows are slow, it is not the rows that are slow
LONGEST_DELAY_S = 600.0


@dataclass(slots=True)
class _Delay:
    """When a row is tried again, by the monotonic clock, and how long that was to wait."""

    row: SpooledRow
    due_s: float
    delay_s: float
    others_written: bool = False  # since its latest attempt
    is_slow: bool = False  # by itself: it failed again though others were written


class DeferredRows:
    """What is to be tried again alone, ever more rarely: an attempt holds the others up.

    It is in memory only: the rows stay in the spool, and the next process tries them with all.
    """

    def __init__(self, first_delay_s: float) -> None:
        self._first_delay_s = first_delay_s
        self._delays: dict[RowLocation, _Delay] = {}

    @property
    def places(self) -> frozenset[RowLocation]:
        """Return where these rows are spooled."""
        return frozenset(self._delays)

    def add(self, row: SpooledRow) -> bool:
        """Postpone a row, for twice as long if others were written since the last time.

        Returns whether that has shown, for the first time, that the row is slow by itself.
        """
        known = self._delays.pop(row.place, None)
        delay = _Delay(row, 0.0, self._first_delay_s)
        if known is not None:
            delay.is_slow = known.is_slow or known.others_written
            longer_s = known.delay_s * (2 if known.others_written else 1)
            delay.delay_s = min(longer_s, LONGEST_DELAY_S)
        delay.due_s = time.monotonic() + delay.delay_s
        if len(self._delays) == MAX_ROWS:
            del self._delays[next(iter(self._delays))]
        self._delays[row.place] = delay
        return delay.is_slow and not (known is not None and known.is_slow)

    def discard(self, rows: Iterable[SpooledRow]) -> None:
        """Forget rows that are written, or no longer in their place."""
        for row in rows:
            self._delays.pop(row.place, None)

    def note_success(self) -> None:
        """Note that other rows are written: what was postponed while none was is due now."""
        for delay in self._delays.values():
            if not (delay.others_written or delay.is_slow):
                delay.due_s = 0.0
            delay.others_written = True

    def due(self) -> SpooledRow | None:
        """Return the row that has been due longest, None if none is."""
        first = min(self._delays.values(), key=lambda delay: delay.due_s, default=None)
        return first.row if first is not None and first.due_s <= time.monotonic() else None
