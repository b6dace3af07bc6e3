"""Rows that are slow by themselves wait ever longer, and are never forgotten for good."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from db.spool.file import SpooledRow
from db.writing.deferred_rows import LONGEST_DELAY_S, MAX_ROWS, DeferredRows
from tests.support.clock import Clock

FILE: Any = SimpleNamespace(path=Path("a.spool"))


@pytest.fixture(name="clock", autouse=True)
def fixture_clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Replace the clock."""
    clock = Clock()
    monkeypatch.setattr("db.writing.deferred_rows.time", clock)
    return clock


def row(position: int) -> SpooledRow:
    """Make a row."""
    return SpooledRow(FILE, position, "{}")


@pytest.fixture(name="postponed")
def fixture_postponed() -> DeferredRows:
    """Return what postpones a row for 30 s at first."""
    return DeferredRows(30)


def is_due_after(postponed: DeferredRows, clock: Clock) -> int:
    """Let time pass until a row is due; return how many seconds that took."""
    seconds = 0
    while postponed.due() is None:
        seconds += 1
        clock.now_s += 1
    return seconds


def test_a_row_that_fails_though_others_are_written_waits_twice_as_long_each_time(
    postponed: DeferredRows, clock: Clock
) -> None:
    waits = []

    for _ in range(7):
        postponed.add(row(1))
        postponed.note_success()
        waits.append(is_due_after(postponed, clock))

    assert [0, 60, 120, 240, 480, LONGEST_DELAY_S, LONGEST_DELAY_S] == waits


def test_while_nothing_is_written_at_all_no_wait_grows(
    postponed: DeferredRows, clock: Clock
) -> None:
    waits = []

    for _ in range(5):
        postponed.add(row(1))
        waits.append(is_due_after(postponed, clock))

    assert [30] * 5 == waits


def test_once_others_are_written_again_all_that_waited_with_them_are_due(
    postponed: DeferredRows,
) -> None:
    for position in range(3):
        postponed.add(row(position))
    assert postponed.due() is None

    postponed.note_success()

    for _ in range(3):
        due = postponed.due()
        assert due is not None
        postponed.discard([due])
    assert postponed.due() is None


def test_it_is_told_once_that_a_row_is_slow_by_itself(postponed: DeferredRows) -> None:
    told = [postponed.add(row(1)), postponed.add(row(1))]
    for _ in range(3):
        postponed.note_success()
        told.append(postponed.add(row(1)))

    assert [False, False, True, False, False] == told


def test_the_row_that_is_due_longest_comes_first(postponed: DeferredRows, clock: Clock) -> None:
    postponed.add(row(2))
    clock.now_s += 1
    postponed.add(row(1))
    clock.now_s += 100

    assert row(2) == postponed.due()
    postponed.discard([row(2)])
    assert row(1) == postponed.due()


def test_if_too_many_are_slow_the_first_ones_are_tried_with_the_others_again(
    postponed: DeferredRows,
) -> None:
    for position in range(MAX_ROWS + 1):
        postponed.add(row(position))

    assert {(FILE.path, position) for position in range(1, MAX_ROWS + 1)} == postponed.places
