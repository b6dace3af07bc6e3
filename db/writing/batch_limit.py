"""How much one transaction writes: less after a timeout, more again once transactions are quick."""

from collections.abc import Sequence

from db.spool.file import SpooledRow
from db.spool.spool import MAX_BATCH_BYTES

QUICK_SHARE = 0.25  # of the timeout: twice as many rows would take half of it
QUICK_IN_A_ROW = 4  # with fewer, the row that is slow by itself is found later


class BatchLimit:
    """The bound of the next transaction: ``rows``, and ``bytes`` of their JSON on the wire."""

    def __init__(self, timeout_s: float, max_rows: int) -> None:
        """Begin with the largest bound. After ``timeout_s`` a transaction is given up."""
        self.rows = self._max_rows = max_rows
        self.bytes = MAX_BATCH_BYTES
        self._timeout_s = timeout_s
        self._quick = 0

    def is_reached(self, rows: Sequence[SpooledRow]) -> bool:
        """Return whether a batch is about as large as it may be, so that more is likely to wait."""
        return len(rows) >= self.rows or _size(rows) >= self.bytes / 2

    def shrink(self, rows: Sequence[SpooledRow]) -> None:
        """Halve the bound: these rows were not written in time."""
        self.rows = max(1, min(self.rows, len(rows)) // 2)
        self.bytes = max(1, min(self.bytes, _size(rows)) // 2)  # one row is always let through
        self._quick = 0

    def grow(self, rows: Sequence[SpooledRow], duration_s: float) -> None:
        """Double the bound if this and the latest full batches took a small part of the timeout."""
        if duration_s > QUICK_SHARE * self._timeout_s:
            self._quick = 0
        elif self.is_reached(rows):
            self._quick += 1
        if self._quick == QUICK_IN_A_ROW:
            self._quick = 0
            self.rows = min(self._max_rows, self.rows * 2)
            self.bytes = min(MAX_BATCH_BYTES, max(self.bytes, _size(rows)) * 2)


def _size(rows: Sequence[SpooledRow]) -> int:
    return sum(row.wire_bytes for row in rows)
