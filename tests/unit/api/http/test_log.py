"""Clients cannot fill the log."""

import logging

from api.http.log import MAX_LINES, PERIOD_S, LogRateLimitFilter
from tests.support.clock import Clock


def passed(limit: LogRateLimitFilter, count: int) -> list[str]:
    """Log this number of lines; return those that pass."""
    lines = [
        logging.LogRecord("a", logging.INFO, "", 0, "line %d", (number,), None)
        for number in range(count)
    ]
    return [line.getMessage() for line in lines if limit.filter(line)]


def test_lines_over_the_limit_are_dropped_and_counted_in_the_next_period(clock: Clock) -> None:
    limit = LogRateLimitFilter()

    first, rest = passed(limit, MAX_LINES + 5), passed(limit, 2)
    clock.now_s += PERIOD_S
    later = passed(limit, 2)

    assert [f"line {number}" for number in range(MAX_LINES)] == first
    assert [] == rest
    assert ["line 0 (7 lines like this were dropped before)", "line 1"] == later


def test_few_lines_all_pass() -> None:
    limit = LogRateLimitFilter()

    assert ["line 0", "line 1"] == passed(limit, 2)
