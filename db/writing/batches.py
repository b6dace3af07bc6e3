"""Choose the rows of the next transaction: fewer after a timeout, slow ones on their own."""

import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from db.spool.file import RowLocation, SpooledRow
from db.spool.spool import MAX_BATCH_BYTES, Spool

MAX_BATCH_ROWS = 1000
QUICK_RATIO = 0.25  # of the timeout: twice as many rows would take half of it
QUICK_BATCHES = 4  # in a row before the limit grows: with fewer, a slow row is found later
MAX_DEFERRED_ROWS = 100  # if more rows are slow, it is not because of the rows
MAX_DELAY_S = 600.0

logger = logging.getLogger(__name__)


class BatchPlanner:
    """Choose the rows of each transaction from the spool.

    After a timeout or a broken connection, batches get smaller. A row that fails twice on its own
    is deferred: the others go first. A restart ends the deferral; the row stays in the spool.
    """

    def __init__(self, spool: Spool, timeout_s: float) -> None:
        """Start with the largest batches. A transaction times out after ``timeout_s``."""
        self._spool = spool
        self._limit = BatchLimit(timeout_s, MAX_BATCH_ROWS)
        self._deferred = DeferredRows(timeout_s)
        self._suspect: RowLocation | None = None  # a row that has failed once on its own

    @property
    def max_rows(self) -> int:
        """Return how many rows the next batch may have."""
        return self._limit.rows

    def next_batch(self) -> list[SpooledRow]:
        """Return the oldest rows that are not deferred, within the limit."""
        return self._spool.peek(self._limit.rows, self._limit.bytes, self._deferred.locations)

    def next_deferred(self) -> SpooledRow | None:
        """Return a deferred row whose delay is over."""
        return self._deferred.due()

    def is_full(self, rows: Sequence[SpooledRow]) -> bool:
        """Return whether a batch reached the limit, so that more rows probably wait."""
        return self._limit.is_reached(rows)

    def written(self, rows: Sequence[SpooledRow], duration_s: float) -> None:
        """Record a committed transaction."""
        self._limit.grow(rows, duration_s)
        self._suspect = None
        self._deferred.discard(rows)
        self._deferred.others_written()

    def failed(self, rows: Sequence[SpooledRow]) -> None:
        """Record a transaction that timed out or lost its connection.

        Connections break for many reasons, so a row is deferred only after its second failure.
        """
        location = rows[0].location
        is_deferred = location in self._deferred.locations
        if not is_deferred:
            self._limit.shrink(rows)  # a row known to be slow says nothing about the others
        if len(rows) > 1:
            return
        if not is_deferred and location != self._suspect:
            self._suspect = location
        elif self._deferred.add(rows[0]):
            logger.warning(
                "a row of %d bytes times out although others are written: it stays in the spool, "
                "and is retried with growing delays",
                rows[0].wire_bytes,
            )

    def discard(self, row: SpooledRow) -> None:
        """Forget a row that is no longer pending at its location."""
        self._deferred.discard([row])


class BatchLimit:
    """The limit of the next transaction: ``rows``, and ``bytes`` of their JSON on the wire."""

    def __init__(self, timeout_s: float, max_rows: int) -> None:
        self.rows = self._max_rows = max_rows
        self.bytes = MAX_BATCH_BYTES
        self._timeout_s = timeout_s
        self._quick_batches = 0

    def is_reached(self, rows: Sequence[SpooledRow]) -> bool:
        """Return whether a batch is about as large as the limit allows."""
        return len(rows) >= self.rows or _size(rows) >= self.bytes / 2

    def shrink(self, rows: Sequence[SpooledRow]) -> None:
        """Halve the limit, since these rows were not written in time."""
        self.rows = max(1, min(self.rows, len(rows)) // 2)
        self.bytes = max(1, min(self.bytes, _size(rows)) // 2)  # a single row always passes
        self._quick_batches = 0

    def grow(self, rows: Sequence[SpooledRow], duration_s: float) -> None:
        """Double the limit if the last full batches took a small part of the timeout."""
        if duration_s > QUICK_RATIO * self._timeout_s:
            self._quick_batches = 0
        elif self.is_reached(rows):
            self._quick_batches += 1
        if self._quick_batches == QUICK_BATCHES:
            self._quick_batches = 0
            self.rows = min(self._max_rows, self.rows * 2)
            self.bytes = min(MAX_BATCH_BYTES, max(self.bytes, _size(rows)) * 2)


@dataclass(slots=True)
class _Deferral:
    """When a row is retried, by the monotonic clock, and its delay in seconds."""

    row: SpooledRow
    due_s: float
    delay_s: float
    others_written: bool = False  # since its last attempt
    is_slow: bool = False  # it failed again although others were written


class DeferredRows:
    """Rows that time out on their own, retried with growing delays: a retry blocks the others."""

    def __init__(self, first_delay_s: float) -> None:
        self._first_delay_s = first_delay_s
        self._deferrals: dict[RowLocation, _Deferral] = {}

    @property
    def locations(self) -> frozenset[RowLocation]:
        """Return where the deferred rows are spooled."""
        return frozenset(self._deferrals)

    def add(self, row: SpooledRow) -> bool:
        """Defer a row, for twice as long if others were written since its last attempt.

        Returns whether this shows for the first time that the row itself is slow.
        """
        known = self._deferrals.pop(row.location, None)
        deferral = _Deferral(row, 0.0, self._first_delay_s)
        if known is not None:
            deferral.is_slow = known.is_slow or known.others_written
            delay_s = known.delay_s * (2 if known.others_written else 1)
            deferral.delay_s = min(delay_s, MAX_DELAY_S)
        deferral.due_s = time.monotonic() + deferral.delay_s
        if len(self._deferrals) == MAX_DEFERRED_ROWS:
            del self._deferrals[next(iter(self._deferrals))]
        self._deferrals[row.location] = deferral
        return deferral.is_slow and not (known is not None and known.is_slow)

    def discard(self, rows: Iterable[SpooledRow]) -> None:
        """Forget rows that are written or no longer at their location."""
        for row in rows:
            self._deferrals.pop(row.location, None)

    def others_written(self) -> None:
        """Record that other rows were written: rows deferred while none was are due now."""
        for deferral in self._deferrals.values():
            if not (deferral.others_written or deferral.is_slow):
                deferral.due_s = 0.0
            deferral.others_written = True

    def due(self) -> SpooledRow | None:
        """Return the row that has been due longest, None if no delay is over."""
        first = min(self._deferrals.values(), key=lambda each: each.due_s, default=None)
        return first.row if first is not None and first.due_s <= time.monotonic() else None


def _size(rows: Sequence[SpooledRow]) -> int:
    return sum(row.wire_bytes for row in rows)
