"""The load generator measures answers, refusals and broken connections."""

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread

import psutil
import pytest

from benchmarks.loadgen import LoadProfile, run_load
from tests.support.server import eventually

ANSWERS_AFTER_S = 0.02


class FakeService(ThreadingHTTPServer):
    """Keeps bodies; refuses ``busy``, closes the connection on ``broken`` and after ``last``.

    It answers in parallel, but ``serial`` one at a time.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), FakeAnswer)
        self.bodies: list[bytes] = []
        self.connections = 0
        self.one_at_a_time = Lock()


class FakeAnswer(BaseHTTPRequestHandler):
    """A connection to the fake service."""

    protocol_version = "HTTP/1.1"
    server: FakeService

    def setup(self) -> None:
        """Count the connection."""
        super().setup()
        self.server.connections += 1

    def do_POST(self) -> None:  # pylint: disable=invalid-name  # the library's name
        """Answer after a while."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.bodies.append(body)
        if body == b"broken":
            self.close_connection = True
            return
        with self.server.one_at_a_time if body == b"serial" else nullcontext():
            time.sleep(ANSWERS_AFTER_S)
        self.send_response(503 if body == b"busy" else 200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")
        self.close_connection |= body == b"last"

    def log_message(self, format: str, *args: object) -> None:  # pylint: disable=redefined-builtin
        """Print nothing."""


@pytest.fixture(name="service")
def fixture_service() -> Iterator[FakeService]:
    """Run the fake service."""
    with FakeService() as service:
        thread = Thread(target=service.serve_forever, args=[0.05])
        thread.start()
        yield service
        service.shutdown()
        thread.join()


def load(service: FakeService, *bodies: bytes) -> LoadProfile:
    """Return half a second of load on three connections, after a warm-up."""
    return LoadProfile(f"http://127.0.0.1:{service.server_port}/predict", bodies, 3, 0.2, 0.5)


def test_connections_are_kept_and_send_the_bodies_in_turn(service: FakeService) -> None:
    result = run_load(load(service, b"one", b"two"))

    counts = Counter(service.bodies)
    assert 3 == service.connections
    assert {b"one", b"two"} == set(counts)
    assert 1 >= abs(counts[b"one"] - counts[b"two"])
    assert len(service.bodies) == result.answered
    assert () == result.failures


def test_latencies_are_measured_after_the_warm_up(service: FakeService) -> None:
    result = run_load(load(service, b"one"))

    assert 0 < len(result.latencies_ms) < result.answered
    assert ANSWERS_AFTER_S * 1000 <= min(result.latencies_ms)
    assert 0 < result.duration_s
    assert 0 < result.cpu_s < result.duration_s


@pytest.mark.parametrize("arrivals_per_s", [None, 100])
def test_refusals_and_broken_connections_are_failures(
    service: FakeService, arrivals_per_s: float | None
) -> None:
    profile = load(service, b"one", b"busy", b"broken")

    result = run_load(replace(profile, arrivals_per_s=arrivals_per_s))

    kinds = Counter(failure.partition(":")[0] for failure in result.failures)
    counts = Counter(service.bodies)
    assert counts[b"one"] == result.answered
    assert counts[b"busy"] == kinds["503"]
    assert counts[b"broken"] == kinds["ConnectionResetError"]


def test_without_a_service_all_requests_fail() -> None:
    result = run_load(LoadProfile("http://127.0.0.1:9/predict", (b"{}",), 1, 0.0, 0.2))

    assert () == result.latencies_ms
    assert {"ConnectionRefusedError"} == {each.partition(":")[0] for each in result.failures}


def test_in_an_open_loop_requests_arrive_at_their_rate(
    service: FakeService,
) -> None:
    result = run_load(replace(load(service, b"one"), arrivals_per_s=200, duration_s=1))

    assert 150 < len(result.latencies_ms) < 250
    assert 1 < service.connections < 200
    assert len(service.bodies) == result.answered
    assert () == result.failures


def test_in_an_open_loop_latency_counts_from_when_a_request_was_due(
    service: FakeService,
) -> None:
    per_s = 2 / ANSWERS_AFTER_S  # twice the capacity

    result = run_load(replace(load(service, b"serial"), arrivals_per_s=per_s, duration_s=1))

    assert 300 < max(result.latencies_ms)
    assert len(service.bodies) == result.answered


def test_in_an_open_loop_closed_connections_are_not_reused(
    service: FakeService,
) -> None:
    result = run_load(replace(load(service, b"last"), arrivals_per_s=20, duration_s=1))

    assert result.answered > 10
    # a close that has not been seen yet may fail a request; without the check half would fail
    assert len(result.failures) < result.answered / 4


WAITING = """
import multiprocessing, sys
from benchmarks.loadgen import generator
if __name__ == "__main__":
    with generator():
        print(*(child.pid for child in multiprocessing.active_children()), flush=True)
        sys.stdin.read()
"""


def test_the_generator_ends_when_the_benchmark_is_killed(repository: Path, tmp_path: Path) -> None:
    script = tmp_path / "waiting.py"
    script.write_text(WAITING, encoding="utf-8")
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    environment = {"PYTHONPATH": str(repository)}
    with subprocess.Popen([sys.executable, script], env=environment, text=True, **pipes) as bench:
        assert bench.stdout is not None
        generator = psutil.Process(int(bench.stdout.readline()))
        bench.kill()

    try:
        eventually(
            lambda: not generator.is_running() or generator.status() == psutil.STATUS_ZOMBIE, 30
        )
    finally:
        if generator.is_running():
            generator.kill()
