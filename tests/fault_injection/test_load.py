"""The load generator of the fault-injection tests."""

import json
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from tests.support.load import Load, Refused
from tests.support.server import eventually


class FakeService(ThreadingHTTPServer):
    """Answers and stores rows; refuses every tenth request and aborts every eleventh."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), FakeAnswer)
        self.requests = 0
        self.kept: list[tuple[str, str]] = []


class FakeAnswer(BaseHTTPRequestHandler):
    """One request to the fake service."""

    protocol_version = "HTTP/1.1"
    server: FakeService

    def do_POST(self) -> None:  # pylint: disable=invalid-name  # the library's name
        """Answer it."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests += 1
        if self.server.requests % 11 == 0:
            self.close_connection = True
            return
        refuses = self.server.requests % 10 == 0
        row_id = str(uuid.uuid4())
        if not refuses:  # stored before the answer, after which the client may count rows
            ids = [row_id, *(str(uuid.uuid4()) for _ in range(10))]
            self.server.kept += zip(ids, body.get("texts", [body.get("text")]), strict=False)
        self.send_response(503 if refuses else 200)
        self.send_header("Retry-After", "1")
        self.send_header("X-Prediction-Id", row_id)
        self.send_header("Content-Length", "16")
        self.end_headers()
        self.wfile.write(b'{"error": "full"')

    def log_message(self, format: str, *args: object) -> None:  # pylint: disable=redefined-builtin
        """Print nothing."""


@pytest.fixture(name="fake_service")
def fixture_fake_service() -> Iterator[FakeService]:
    """Run the fake service."""
    with FakeService() as server:
        thread = Thread(target=server.serve_forever, args=[0.05])
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_load_survives_refusals_and_records_what_was_answered(
    fake_service: FakeService,
) -> None:
    with Load(f"http://127.0.0.1:{fake_service.server_port}") as load:
        load.await_answers(150, deadline_s=30)
        eventually(lambda: load.refusals and load.broken, 10)

    tally = load.tally([*fake_service.kept, ("an-id", "of another run")])
    assert len(load.answers) == tally.answered == tally.stored
    assert (0, 0, 0) == (tally.lost, tally.doubled, tally.misnamed)
    assert {Refused(503, "1", '{"error": "full"')} == set(load.refusals)
    assert [] == load.unexpected()
    texts = [answer.text for answer in load.answers]
    assert len(texts) == len(set(texts))
    assert any("😀" in text for text in texts)
    assert len({len(text) for text in texts}) > 20


def test_a_load_without_a_service_continues_until_it_is_stopped() -> None:
    with Load("http://127.0.0.1:9") as load:
        eventually(lambda: load.broken > 20, 30)

    assert not load.answers
