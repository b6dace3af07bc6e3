"""Find the rows that a database refuses among those that it would take."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from db.failures import Failure, kind_of

SUSPECTS = 3  # rows refused for an unknown reason with none taken: the reason is not in the rows

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Refused(Generic[Row]):
    """A row that the database refuses by itself, and why."""

    row: Row
    error: Exception


def write_each(rows: Sequence[Row], write: Callable[[Sequence[Row]], None]) -> list[Refused[Row]]:
    """Write all rows but those that cannot be written, halving what is refused as a whole.

    ``write`` stores all rows that it is given, or raises and stores none. Returns the refused
    rows. Raises the error of ``write`` where it does not lie in the rows; what was written
    before is written then.
    """
    pending = [rows]
    refused: list[Refused[Row]] = []
    taken = 0
    while pending:
        part = pending.pop()
        try:
            _write_twice(part, write)
            taken += len(part)
        except Exception as error:  # pylint: disable=broad-exception-caught  # sorted by kind
            if kind_of(error) in (Failure.TRANSIENT, Failure.PERMANENT):
                raise
            if len(part) > 1:
                middle = len(part) // 2
                pending += [part[middle:], part[:middle]]
                continue
            refused.append(Refused(part[0], error))
            if not taken and len(_unexplained(refused)) >= SUSPECTS:
                raise
    if not taken and (unexplained := _unexplained(refused)):
        raise unexplained[0].error
    return refused


def _write_twice(rows: Sequence[Row], write: Callable[[Sequence[Row]], None]) -> None:
    """Try a single row again: another transaction may have been about to commit the same one."""
    try:
        write(rows)
    except Exception as error:  # pylint: disable=broad-exception-caught  # sorted by kind
        if len(rows) > 1 or kind_of(error) in (Failure.TRANSIENT, Failure.PERMANENT):
            raise
        write(rows)


def _unexplained(refused: Sequence[Refused[Row]]) -> list[Refused[Row]]:
    return [each for each in refused if kind_of(each.error) is Failure.UNKNOWN]
