"""Batches shrink after a timeout and grow again; slow rows are retried ever more rarely."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from db.spool.file import SpooledRow
from db.spool.spool import MAX_BATCH_BYTES
from db.writing.batches import (
    MAX_DEFERRED_ROWS,
    MAX_DELAY_S,
    QUICK_BATCHES,
    BatchLimit,
    DeferredRows,
)
from tests.support.clock import Clock

TIMEOUT_S = 8.0
QUICK_S = TIMEOUT_S / 4
FILE: Any = SimpleNamespace(path=Path("a.spool"))


def rows(count: int, characters: int = 100) -> list[SpooledRow]:
    """Make rows of ASCII, two bytes for each character."""
    return [SpooledRow(FILE, position, "x" * characters) for position in range(count)]


def row(position: int) -> SpooledRow:
    """Make a row."""
    return SpooledRow(FILE, position, "{}")


@pytest.fixture(name="limit")
def fixture_limit() -> BatchLimit:
    """Return a limit of 1,000 rows and about 4 MB."""
    return BatchLimit(TIMEOUT_S, 1000)


def test_the_limit_halves_down_to_one_row(limit: BatchLimit) -> None:
    limits = []
    for _ in range(5):
        limit.shrink(rows(min(10, limit.rows)))
        limits.append((limit.rows, limit.bytes))

    assert [(5, 1000), (2, 500), (1, 200), (1, 100), (1, 50)] == limits


def test_the_limit_doubles_after_a_few_quick_full_batches_up_to_its_first_value(
    limit: BatchLimit,
) -> None:
    limit.shrink(rows(1000))
    limits = []

    for _ in range(3 * QUICK_BATCHES):
        limit.grow(rows(limit.rows), QUICK_S)
        limits.append(limit.rows)

    assert [500] * (QUICK_BATCHES - 1) + [1000] == limits[:QUICK_BATCHES]
    assert 1000 == max(limits)


def test_the_limit_in_bytes_grows_back_too(limit: BatchLimit) -> None:
    limit.shrink(rows(2, 100_000))
    assert 200_000 == limit.bytes

    for _ in range(10 * QUICK_BATCHES):
        limit.grow(rows(limit.rows), QUICK_S)

    assert (1000, MAX_BATCH_BYTES) == (limit.rows, limit.bytes)


@pytest.mark.parametrize(("count", "duration_s"), [(500, TIMEOUT_S / 2), (3, 0.001)])
def test_slow_or_small_batches_do_not_raise_the_limit(
    limit: BatchLimit, count: int, duration_s: float
) -> None:
    limit.shrink(rows(1000))

    for _ in range(10 * QUICK_BATCHES):
        limit.grow(rows(count), duration_s)

    assert 500 == limit.rows


@pytest.mark.parametrize(
    ("batch", "is_reached"),
    [(rows(999), False), (rows(1000), True), (rows(30, 70_000), True), (rows(10, 70_000), False)],
)
def test_a_batch_is_full_by_its_rows_or_its_bytes(
    limit: BatchLimit, batch: list[SpooledRow], is_reached: bool
) -> None:
    assert is_reached == limit.is_reached(batch)


@pytest.fixture(name="clock", autouse=True)
def fixture_clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Replace the clock."""
    clock = Clock()
    monkeypatch.setattr("db.writing.batches.time", clock)
    return clock


@pytest.fixture(name="deferred")
def fixture_deferred() -> DeferredRows:
    """Return deferred rows with a first delay of 30 s."""
    return DeferredRows(30)


def seconds_until_due(deferred: DeferredRows, clock: Clock) -> int:
    """Move the clock until a row is due; return by how many seconds."""
    seconds = 0
    while deferred.due() is None:
        seconds += 1
        clock.now_s += 1
    return seconds


def test_the_delay_of_a_row_doubles_while_others_are_written(
    deferred: DeferredRows, clock: Clock
) -> None:
    delays = []

    for _ in range(7):
        deferred.add(row(1))
        deferred.others_written()
        delays.append(seconds_until_due(deferred, clock))

    assert [0, 60, 120, 240, 480, MAX_DELAY_S, MAX_DELAY_S] == delays


def test_the_delay_does_not_grow_while_no_row_is_written(
    deferred: DeferredRows, clock: Clock
) -> None:
    delays = []

    for _ in range(5):
        deferred.add(row(1))
        delays.append(seconds_until_due(deferred, clock))

    assert [30] * 5 == delays


def test_all_rows_deferred_during_an_outage_are_due_once_others_are_written(
    deferred: DeferredRows,
) -> None:
    for position in range(3):
        deferred.add(row(position))
    assert deferred.due() is None

    deferred.others_written()

    for _ in range(3):
        due = deferred.due()
        assert due is not None
        deferred.discard([due])
    assert deferred.due() is None


def test_a_slow_row_is_reported_once(deferred: DeferredRows) -> None:
    reported = [deferred.add(row(1)), deferred.add(row(1))]
    for _ in range(3):
        deferred.others_written()
        reported.append(deferred.add(row(1)))

    assert [False, False, True, False, False] == reported


def test_the_row_that_has_been_due_longest_comes_first(
    deferred: DeferredRows, clock: Clock
) -> None:
    deferred.add(row(2))
    clock.now_s += 1
    deferred.add(row(1))
    clock.now_s += 100

    assert row(2) == deferred.due()
    deferred.discard([row(2)])
    assert row(1) == deferred.due()


def test_if_too_many_rows_are_deferred_the_first_ones_join_the_others_again(
    deferred: DeferredRows,
) -> None:
    for position in range(MAX_DEFERRED_ROWS + 1):
        deferred.add(row(position))

    assert {(FILE.path, position) for position in range(1, MAX_DEFERRED_ROWS + 1)} == (
        deferred.locations
    )
