"""Load is put on a server, and what it answers is measured."""

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

from benchmarks.loadgen import Plan, generate
from tests.support.server import eventually

ANSWERS_AFTER_S = 0.02


class FakeService(ThreadingHTTPServer):
    """Keeps what it is sent; refuses ``busy``, hangs up on ``broken`` and after ``last``.

    It answers all at once, but those to ``serial`` one after the other.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), FakeAnswer)
        self.bodies: list[bytes] = []
        self.connections = 0
        self.one_at_a_time = Lock()


class FakeAnswer(BaseHTTPRequestHandler):
    """One connection to the fake service."""

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


def plan(service: FakeService, *bodies: bytes) -> Plan:
    """Return half a second of load on three connections, after a fifth of a second."""
    return Plan(f"http://127.0.0.1:{service.server_port}/predict", bodies, 3, 0.2, 0.5)


def test_connections_are_kept_and_send_the_bodies_in_turn(service: FakeService) -> None:
    outcome = generate(plan(service, b"one", b"two"))

    counts = Counter(service.bodies)
    assert 3 == service.connections
    assert {b"one", b"two"} == set(counts)
    assert 1 >= abs(counts[b"one"] - counts[b"two"])
    assert len(service.bodies) == outcome.answered
    assert () == outcome.failures


def test_latencies_are_those_of_the_measured_time(service: FakeService) -> None:
    outcome = generate(plan(service, b"one"))

    assert 0 < len(outcome.latencies_ms) < outcome.answered
    assert ANSWERS_AFTER_S * 1000 <= min(outcome.latencies_ms)
    assert 0 < outcome.duration_s
    assert 0 < outcome.cpu_s < outcome.duration_s


def test_refusals_and_broken_connections_are_failures(service: FakeService) -> None:
    outcome = generate(plan(service, b"one", b"busy", b"broken"))

    kinds = Counter(failure.partition(":")[0] for failure in outcome.failures)
    counts = Counter(service.bodies)
    assert counts[b"one"] == outcome.answered
    assert counts[b"busy"] == kinds["503"]
    assert counts[b"broken"] == kinds["ConnectionResetError"]


def test_without_a_service_there_are_failures_only() -> None:
    outcome = generate(Plan("http://127.0.0.1:9/predict", (b"{}",), 1, 0.0, 0.2))

    assert () == outcome.latencies_ms
    assert {"ConnectionRefusedError"} == {each.partition(":")[0] for each in outcome.failures}


def test_in_an_open_loop_requests_come_at_their_rate_whatever_the_answers_take(
    service: FakeService,
) -> None:
    outcome = generate(replace(plan(service, b"one"), arrivals_per_s=200, duration_s=1))

    assert 150 < len(outcome.latencies_ms) < 250
    assert 1 < service.connections < 200
    assert len(service.bodies) == outcome.answered
    assert () == outcome.failures


def test_in_an_open_loop_what_requests_wait_is_counted_from_when_they_were_due(
    service: FakeService,
) -> None:
    per_s = 2 / ANSWERS_AFTER_S  # twice of what the service can do

    outcome = generate(replace(plan(service, b"serial"), arrivals_per_s=per_s, duration_s=1))

    assert 300 < max(outcome.latencies_ms)
    assert len(service.bodies) == outcome.answered


def test_in_an_open_loop_connections_that_the_service_closed_are_not_used_again(
    service: FakeService,
) -> None:
    outcome = generate(replace(plan(service, b"last"), arrivals_per_s=20, duration_s=1))

    assert outcome.answered > 10
    # one whose end has not been seen yet may be; without a look at all, half of them were
    assert len(outcome.failures) < outcome.answered / 4


def test_in_an_open_loop_refusals_and_broken_connections_are_failures(
    service: FakeService,
) -> None:
    outcome = generate(replace(plan(service, b"one", b"busy", b"broken"), arrivals_per_s=100))

    kinds = Counter(failure.partition(":")[0] for failure in outcome.failures)
    counts = Counter(service.bodies)
    assert counts[b"one"] == outcome.answered
    assert counts[b"busy"] == kinds["503"]
    assert counts[b"broken"] == kinds["ConnectionResetError"]


WAITING = """
import multiprocessing, sys
from benchmarks.loadgen import generator
if __name__ == "__main__":
    with generator():
        print(*(child.pid for child in multiprocessing.active_children()), flush=True)
        sys.stdin.read()
"""


def test_the_generator_ends_with_a_benchmark_that_is_killed(
    repository: Path, tmp_path: Path
) -> None:
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
