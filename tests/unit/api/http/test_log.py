"""Strangers cannot fill the log."""

import logging

import pytest
from bentoml._internal.server import http_app

from api.http.log import MAX_LINES, PERIOD_S, REQUEST_ID, LogRateLimitFilter, log_request_ids
from tests.unit.api.conftest import Clock


def passed(ration: LogRateLimitFilter, count: int) -> list[str]:
    """Log so many lines; return those that pass."""
    lines = [
        logging.LogRecord("a", logging.INFO, "", 0, "line %d", (number,), None)
        for number in range(count)
    ]
    return [line.getMessage() for line in lines if ration.filter(line)]


def test_so_many_lines_pass_in_a_while_and_the_next_tells_of_the_others(clock: Clock) -> None:
    ration = LogRateLimitFilter()

    now, meanwhile = passed(ration, MAX_LINES + 5), passed(ration, 2)
    clock.now_s += PERIOD_S
    later = passed(ration, 2)

    assert [f"line {number}" for number in range(MAX_LINES)] == now
    assert [] == meanwhile
    assert ["line 0 (7 lines like this were left out before)", "line 1"] == later


def test_who_causes_few_lines_reads_of_no_others() -> None:
    ration = LogRateLimitFilter()

    assert ["line 0", "line 1"] == passed(ration, 2)


def test_bentoml_tells_which_request_failed(caplog: pytest.LogCaptureFixture) -> None:
    log_request_ids()
    log_request_ids()
    token = REQUEST_ID.set("an-id")

    http_app.logger.error("Exception on %s", "/predict")

    REQUEST_ID.reset(token)
    assert ["request an-id: Exception on /predict"] == caplog.messages
