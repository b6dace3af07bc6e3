"""Rows that are slow by themselves wait ever longer, and are never forgotten for good."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from db.postponed import LONGEST_DELAY_S, MAX_ROWS, Postponed
from db.spool_file import SpooledRow

FILE: Any = SimpleNamespace(path=Path("a.spool"))


class Clock:
    """The time, as a test wants it."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def monotonic(self) -> float:
        """Return it."""
        return self.now_s


@pytest.fixture(name="clock")
def fixture_clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Replace the clock."""
    clock = Clock()
    monkeypatch.setattr("db.postponed.time", clock)
    return clock


def row(position: int) -> SpooledRow:
    """Make a row."""
    return SpooledRow(FILE, position, "{}")


def test_a_row_is_due_once_it_has_waited_and_waits_twice_as_long_the_next_time(
    clock: Clock,
) -> None:
    postponed = Postponed(30)

    assert 30 == postponed.add(row(1))
    clock.now_s += 29
    assert postponed.due() is None
    clock.now_s += 1
    assert row(1) == postponed.due()

    assert 60 == postponed.add(row(1))
    clock.now_s += 59
    assert postponed.due() is None
    clock.now_s += 1
    assert row(1) == postponed.due()


def test_no_wait_is_longer_than_the_longest() -> None:
    postponed = Postponed(30)

    assert LONGEST_DELAY_S == max(postponed.add(row(1)) for _ in range(20))


@pytest.mark.usefixtures("clock")
def test_the_row_that_is_due_longest_comes_first(clock: Clock) -> None:
    postponed = Postponed(30)
    postponed.add(row(2))
    clock.now_s += 1
    postponed.add(row(1))
    clock.now_s += 100

    assert row(2) == postponed.due()
    postponed.discard(row(2))
    assert row(1) == postponed.due()


def test_if_too_many_are_slow_the_first_ones_are_tried_with_the_others_again() -> None:
    postponed = Postponed(30)

    for position in range(MAX_ROWS + 1):
        postponed.add(row(position))

    assert {(FILE.path, position) for position in range(1, MAX_ROWS + 1)} == postponed.places
