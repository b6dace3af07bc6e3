"""Find the rows that a database refuses among those that it would take."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from db.writing.errors import ErrorKind, classify

SUSPECTS = 3  # in a row refused for an unknown reason: the reason is not in the rows

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Refused(Generic[Row]):
    """A row that the database refuses by itself, and why."""

    row: Row
    error: Exception


def write_each(rows: Sequence[Row], write: Callable[[Sequence[Row]], None]) -> list[Refused[Row]]:
    """Write all rows but those that cannot be written, halving what is refused as a whole.

    ``write`` stores all rows that it is given, or raises and stores none. Returns the refused
    rows. Where the reason of a refusal is unknown, the row is believed to be it only if another
    one is taken afterwards. Raises the error of ``write`` where it does not lie in the rows; what
    was written before is written then.
    """
    pending = [rows]
    refused: list[Refused[Row]] = []
    suspects: list[Refused[Row]] = []
    while pending:
        part = pending.pop()
        try:
            _write_twice(part, write)
        except Exception as error:  # pylint: disable=broad-exception-caught  # sorted by kind
            kind = classify(error)
            if kind in (ErrorKind.TRANSIENT, ErrorKind.PERMANENT):
                raise
            if len(part) > 1:
                middle = len(part) // 2
                pending += [part[middle:], part[:middle]]
            elif kind is ErrorKind.DATA:
                refused.append(Refused(part[0], error))
            else:
                suspects.append(Refused(part[0], error))
                if len(suspects) == SUSPECTS:
                    raise
        else:
            refused += suspects
            suspects.clear()
    if suspects and not refused:
        raise suspects[0].error
    return refused


def _write_twice(rows: Sequence[Row], write: Callable[[Sequence[Row]], None]) -> None:
    """Try a single row again: another transaction may have been about to commit the same one."""
    try:
        write(rows)
    except Exception as error:  # pylint: disable=broad-exception-caught  # sorted by kind
        if len(rows) > 1 or classify(error) in (ErrorKind.TRANSIENT, ErrorKind.PERMANENT):
            raise
        write(rows)
