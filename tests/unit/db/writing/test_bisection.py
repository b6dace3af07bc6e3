"""Bisection finds the rows that the database refuses, and blames no row for other errors."""

from collections.abc import Sequence

import pytest
from psycopg.errors import AdminShutdown, CheckViolation, InsufficientPrivilege, RaiseException

from db.writing.bisection import MAX_SUSPECTS, write_each


class Database:
    """Stores rows, but no batch with a row that it refuses."""

    def __init__(self, refused: Sequence[int], error: Exception) -> None:
        self.rows: list[int] = []
        self.attempts = 0
        self.refused = set(refused)
        self.error = error

    def write(self, rows: Sequence[int]) -> None:
        """Store all rows or none."""
        self.attempts += 1
        if self.refused & set(rows):
            raise self.error
        self.rows += rows


@pytest.mark.parametrize("refused", [[], [0], [7], [3, 4], list(range(10))])
def test_only_refused_rows_are_not_written(refused: list[int]) -> None:
    database = Database(refused, CheckViolation())

    found = write_each(range(10), database.write)

    assert refused == [each.row for each in found]
    assert [row for row in range(10) if row not in refused] == database.rows


def test_a_refused_row_among_a_thousand_is_found_in_few_attempts() -> None:
    database = Database([613], CheckViolation())

    write_each(range(1000), database.write)

    assert database.attempts <= 2 * 10 + 2  # ten halvings of 1,000, and one retry
    assert 999 == len(database.rows)


@pytest.mark.parametrize("error", [AdminShutdown(), InsufficientPrivilege()])
def test_an_error_that_is_not_about_rows_stops_at_once(error: Exception) -> None:
    database = Database(range(1000), error)

    with pytest.raises(type(error)):
        write_each(range(1000), database.write)

    assert 1 == database.attempts


def test_a_row_with_an_unknown_error_is_rejected_if_others_are_written() -> None:
    database = Database([500], RaiseException())

    found = write_each(range(1000), database.write)

    assert [500] == [each.row for each in found]
    assert 999 == len(database.rows)


@pytest.mark.parametrize("count", [1, 2, 1000])
def test_an_unknown_error_of_all_rows_rejects_none(count: int) -> None:
    database = Database(range(count), RaiseException())

    with pytest.raises(RaiseException):
        write_each(range(count), database.write)

    assert database.attempts <= 10 + 2 * MAX_SUSPECTS


def test_an_outage_that_begins_meanwhile_rejects_no_row() -> None:
    database = Database([10], CheckViolation())

    def write(rows: Sequence[int]) -> None:
        if len(database.rows) > 20:
            raise RaiseException("the database is in transition")
        database.write(rows)

    with pytest.raises(RaiseException):
        write_each(range(1000), write)


def test_a_row_with_an_unknown_error_is_not_rejected_unless_a_later_one_is_written() -> None:
    database = Database([9], RaiseException())

    with pytest.raises(RaiseException):
        write_each(range(10), database.write)

    assert list(range(9)) == database.rows


def test_a_single_row_is_retried_since_another_transaction_may_have_committed_it() -> None:
    database = Database([1], CheckViolation())

    def write(rows: Sequence[int]) -> None:
        try:
            database.write(rows)
        finally:
            database.refused.clear()

    assert not write_each([1], write)
    assert [1] == database.rows
