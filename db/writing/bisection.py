"""Find the rows that the database refuses in a batch, and write the others."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from db.writing.errors import ErrorKind, classify

MAX_SUSPECTS = 3  # consecutive rows that fail for an unknown reason: the cause is not the rows

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class RejectedRow(Generic[Row]):
    """A row that the database refuses on its own, and the error."""

    row: Row
    error: Exception


def write_each(
    rows: Sequence[Row], write: Callable[[Sequence[Row]], None]
) -> list[RejectedRow[Row]]:
    """Write all rows that can be written, bisecting refused batches; return the others.

    ``write`` stores all rows that it is given, or raises and stores none. A row that fails for an
    unknown reason counts as rejected only if a later row is written. Raises the error of ``write``
    if its cause is not in the rows; rows written before it stay written.
    """
    pending = [rows]
    rejected: list[RejectedRow[Row]] = []
    suspects: list[RejectedRow[Row]] = []
    while pending:
        part = pending.pop()
        try:
            _write_with_retry(part, write)
        except Exception as error:  # pylint: disable=broad-exception-caught  # classified here
            kind = classify(error)
            if kind in (ErrorKind.TRANSIENT, ErrorKind.PERMANENT):
                raise
            if len(part) > 1:
                middle = len(part) // 2
                pending += [part[middle:], part[:middle]]
            elif kind is ErrorKind.DATA:
                rejected.append(RejectedRow(part[0], error))
            else:
                suspects.append(RejectedRow(part[0], error))
                if len(suspects) == MAX_SUSPECTS:
                    raise
        else:
            rejected += suspects
            suspects.clear()
    if suspects and not rejected:
        raise suspects[0].error
    return rejected


def _write_with_retry(rows: Sequence[Row], write: Callable[[Sequence[Row]], None]) -> None:
    """Retry a single row once: another transaction may just have committed the same one."""
    try:
        write(rows)
    except Exception as error:  # pylint: disable=broad-exception-caught  # classified here
        if len(rows) > 1 or classify(error) in (ErrorKind.TRANSIENT, ErrorKind.PERMANENT):
            raise
        write(rows)
