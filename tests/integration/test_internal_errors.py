"""Clients get one of our JSON errors after an internal failure, and the service goes on."""

import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from api.contract.errors import INTERNAL_ERROR, NOT_BATCHED, QUEUE_TIMEOUT, SHUTTING_DOWN
from api.http.log import MAX_LINES
from db.prediction_logger import PROBE_EVERY_S
from inference.stream_scheduler import NUM_STREAMS
from tests.support.rows import Rows
from tests.support.server import Server, eventually
from tests.support.service_faults import (
    ENDS_THE_LOOP,
    FAILS_THE_BATCH,
    FAILS_THE_LOOP,
    PROBED,
    SERVE_FAULTY,
    blocked_model,
    requests_in_progress,
)

ORIGIN = "https://app.example.com"
PAGE = {"Origin": ORIGIN}
PATIENCE_S = 60


@pytest.fixture(name="with_origin", scope="module")
def fixture_with_origin(environment: dict[str, str]) -> dict[str, str]:
    """Allow the origin of a web page."""
    return environment | {"CORS_ORIGINS": ORIGIN}


@pytest.fixture(name="server", scope="module")
def fixture_server(repository: Path, with_origin: dict[str, str]) -> Iterator[Server]:
    """Serve a service that fails on certain texts."""
    with Server(SERVE_FAULTY, repository, with_origin) as server:
        yield server


def post(server: Server, text: str) -> httpx.Response:
    """Post one text, as a web page does."""
    return httpx.post(f"{server.url}/predict", json={"text": text}, headers=PAGE)


def error_of(response: httpx.Response) -> tuple[int, str, str | None]:
    """Return status, error and Retry-After of a response that the page may read."""
    assert [ORIGIN] == response.headers.get_list("access-control-allow-origin")
    return response.status_code, response.json()["error"], response.headers.get("retry-after")


def logged_since(server: Server, before: str) -> str:
    """Return the log lines after those of ``before``."""
    return server.log.removeprefix(before)


def test_the_batching_loop_survives_an_exception_and_requests_get_503(server: Server) -> None:
    before = server.log

    failed = post(server, FAILS_THE_LOOP)
    answered = post(server, "fine")

    assert (503, NOT_BATCHED.error, "1") == error_of(failed)
    assert 200 == answered.status_code
    assert 1 == logged_since(server, before).count("Traceback")
    assert f"RuntimeError: {FAILS_THE_LOOP}" in logged_since(server, before)


def test_a_failed_batch_is_logged_once_with_its_request_ids(server: Server) -> None:
    before = server.log

    with ThreadPoolExecutor(8) as clients:
        responses = list(clients.map(post, [server] * 8, [FAILS_THE_BATCH] * 8))

    assert {(500, INTERNAL_ERROR.error, None)} == {error_of(each) for each in responses}
    logged = logged_since(server, before)
    batches = logged.count("a batch failed, with the requests")
    assert batches == logged.count("Traceback")
    assert all(each.headers["x-request-id"] in logged for each in responses)


def test_a_failed_batch_request_gets_our_error_and_not_bentomls(server: Server) -> None:
    response = httpx.post(
        f"{server.url}/predict_batch",
        json={"texts": [FAILS_THE_BATCH]},
        headers=PAGE,
    )

    assert (500, INTERNAL_ERROR.error, None) == error_of(response)


@pytest.mark.slow
def test_requests_over_the_queue_timeout_get_503_without_a_traceback(
    server: Server, rows: Rows, tmp_path: Path
) -> None:
    before = server.log
    with blocked_model(server, tmp_path / "go on", PAGE) as busy, ThreadPoolExecutor(40) as clients:
        late = list(clients.map(post, [server] * 40, [f"late {n}" for n in range(40)]))
        still_busy = [not each.done() for each in busy]

    assert {(503, QUEUE_TIMEOUT.error, "1")} == {error_of(each) for each in late}
    assert [True] * NUM_STREAMS == still_busy
    assert [200] * NUM_STREAMS == [each.result().status_code for each in busy]
    logged = logged_since(server, before)
    assert "Traceback" not in logged
    assert logged.count("returned 503") <= MAX_LINES  # of 40
    assert not [row for row in rows.all() if row["text"].startswith("late ")]


def test_the_disk_is_probed_at_most_once_a_second(server: Server) -> None:
    before, began_s = server.log, time.monotonic()

    def ask(_client: int) -> set[int]:
        with httpx.Client(base_url=server.url) as client:
            return {client.get("/readyz").status_code for _ in range(50)}

    def is_probed_again() -> bool:  # an earlier test's probe may be less than a second old
        return ask(0) == {200} and PROBED in logged_since(server, before)

    with ThreadPoolExecutor(4) as clients:
        statuses = set[int]().union(*clients.map(ask, range(4)))

    assert {200} == statuses
    eventually(is_probed_again, 10)
    asked_s = time.monotonic() - began_s
    assert logged_since(server, before).count(PROBED) <= asked_s / PROBE_EVERY_S + 1


def test_health_checks_fail_once_the_batching_loop_has_ended(
    repository: Path, with_origin: dict[str, str]
) -> None:
    with Server(SERVE_FAULTY, repository, with_origin) as server:
        before = [httpx.get(f"{server.url}{path}").status_code for path in ("/readyz", "/livez")]
        last, later = post(server, ENDS_THE_LOOP), post(server, "fine")
        after = [httpx.get(f"{server.url}{path}").status_code for path in ("/readyz", "/livez")]

        assert [200, 200] == before
        assert [503, 503] == after
        assert [(503, SHUTTING_DOWN.error, "1")] * 2 == [error_of(last), error_of(later)]
        assert "the batching loop has ended" in server.log


def test_requests_that_are_open_at_shutdown_get_503(
    repository: Path, with_origin: dict[str, str], tmp_path: Path
) -> None:
    command = [*SERVE_FAULTY, "--timeout-graceful-shutdown", "1"]
    with (
        Server(command, repository, with_origin) as server,
        blocked_model(server, tmp_path / "go on", PAGE) as busy,
        ThreadPoolExecutor(2) as clients,
    ):
        waiting = [clients.submit(post, server, f"waiting {number}") for number in range(2)]
        eventually(lambda: requests_in_progress(server) == NUM_STREAMS + 2, PATIENCE_S)
        server.process.send_signal(signal.SIGTERM)
        responses = [each.result() for each in (*busy, *waiting)]
        (tmp_path / "go on").touch()
        server.process.wait(PATIENCE_S)

        assert [(503, SHUTTING_DOWN.error, "1")] * 4 == [error_of(each) for each in responses]
        assert "Traceback" not in server.log
