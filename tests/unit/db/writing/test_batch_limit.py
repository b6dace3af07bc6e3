"""A transaction is bounded in rows and bytes, by less after it failed and more once it is quick."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from db.spool.file import SpooledRow
from db.spool.spool import MAX_BATCH_BYTES
from db.writing.batch_limit import QUICK_IN_A_ROW, BatchLimit

TIMEOUT_S = 8.0
QUICK_S = TIMEOUT_S / 4
FILE: Any = SimpleNamespace(path=Path("a.spool"))


def rows(count: int, characters: int = 100) -> list[SpooledRow]:
    """Make rows of ASCII, two bytes for each character."""
    return [SpooledRow(FILE, position, "x" * characters) for position in range(count)]


@pytest.fixture(name="limit")
def fixture_limit() -> BatchLimit:
    """Return a bound of 1,000 rows and about 4 MB."""
    return BatchLimit(TIMEOUT_S, 1000)


def test_it_halves_what_was_attempted_down_to_one_row(limit: BatchLimit) -> None:
    bounds = []
    for _ in range(5):
        attempted = rows(min(10, limit.rows))
        limit.shrink(attempted)
        bounds.append((limit.rows, limit.bytes))

    assert [(5, 1000), (2, 500), (1, 200), (1, 100), (1, 50)] == bounds


def test_it_doubles_after_some_quick_full_transactions_up_to_where_it_began(
    limit: BatchLimit,
) -> None:
    limit.shrink(rows(1000))
    bounds = []

    for _ in range(3 * QUICK_IN_A_ROW):
        limit.grow(rows(limit.rows), QUICK_S)
        bounds.append(limit.rows)

    assert [500] * (QUICK_IN_A_ROW - 1) + [1000] == bounds[:QUICK_IN_A_ROW]
    assert 1000 == max(bounds)


def test_its_bytes_grow_back_too(limit: BatchLimit) -> None:
    limit.shrink(rows(2, 100_000))
    assert 200_000 == limit.bytes

    for _ in range(10 * QUICK_IN_A_ROW):
        limit.grow(rows(limit.rows), QUICK_S)

    assert (1000, MAX_BATCH_BYTES) == (limit.rows, limit.bytes)


def test_a_transaction_of_half_the_timeout_is_not_doubled(limit: BatchLimit) -> None:
    limit.shrink(rows(1000))

    for _ in range(10):
        limit.grow(rows(500), TIMEOUT_S / 2)

    assert 500 == limit.rows


def test_small_batches_say_nothing_of_large_ones(limit: BatchLimit) -> None:
    limit.shrink(rows(1000))

    for _ in range(10 * QUICK_IN_A_ROW):
        limit.grow(rows(3), 0.001)

    assert 500 == limit.rows


@pytest.mark.parametrize(
    ("batch", "is_reached"),
    [(rows(999), False), (rows(1000), True), (rows(30, 70_000), True), (rows(10, 70_000), False)],
)
def test_a_batch_is_full_by_its_rows_or_its_bytes(
    limit: BatchLimit, batch: list[SpooledRow], is_reached: bool
) -> None:
    assert is_reached == limit.is_reached(batch)
