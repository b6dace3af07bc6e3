"""Requests over the limit are rejected by their headers, as the middleware would reject them."""

from collections.abc import Iterator

import pytest
from prometheus_client import REGISTRY
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from api.http.admission import AdmissionControl
from api.http.middleware import ApiMiddleware
from api.settings import ApiSettings
from patches import uvicorn_protocol as connections
from patches.load_shedding import LoadSheddingProtocol
from tests.unit.api.served import all_of, ask, connected, serving, statuses

ID = b"X-Request-Id: mine\r\n"
KEY = b"X-API-Key: the-key\r\n"
CLOSE = b"Connection: close\r\n"
WITH_A_KEY = ApiSettings.model_validate({"api_keys": "the-key"})


async def done(_request: Request) -> Response:
    """Answer."""
    return PlainTextResponse("done")


def guarded(settings: ApiSettings | None = None) -> ApiMiddleware:
    """Wrap a service that has no room for a single text."""
    routes = [Route("/model", done), Route("/predict", done, methods=["POST"])]
    return ApiMiddleware(Starlette(routes=routes), settings, AdmissionControl(max_texts=0))


@pytest.fixture(name="port")
def fixture_port() -> Iterator[int]:
    """Serve it."""
    with serving(guarded(), LoadSheddingProtocol) as port:
        yield port


def posted(
    more: bytes = b"", body: bytes = b'{"text": "good"}', path: bytes = b"/predict"
) -> bytes:
    """Return a request with additional headers."""
    return (
        b"POST %b HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n%b"
        b"Content-Length: %d\r\n\r\n%b" % (path, more, len(body), body)
    )


def test_a_rejection_equals_that_of_the_middleware(port: int) -> None:
    client = TestClient(guarded())
    expected = client.post("/predict", json={"text": "good"}, headers={"X-Request-Id": "mine"})

    head, _, body = ask(port, posted(ID + CLOSE)).partition(b"\r\n\r\n")

    start, *lines = head.decode().split("\r\n")
    assert 429 == expected.status_code
    assert "HTTP/1.1 429 Too Many Requests" == start
    assert expected.content == body
    headers = dict(line.split(": ", 1) for line in lines)
    assert "close" == headers.pop("connection")
    assert dict(expected.headers) == headers


def test_a_connection_stays_open_after_a_rejection(port: int) -> None:
    large = posted(body=b"x" * (1 << 18))

    received = ask(port, large, posted() * 3, posted(CLOSE))

    assert [429] * 5 == statuses(received)


def test_a_rejection_follows_the_responses_to_earlier_requests(port: int) -> None:
    model = b"GET /model HTTP/1.1\r\nHost: test\r\n\r\n"

    received = ask(port, (model + posted()) * 3 + posted(CLOSE))

    assert [200, 429, 200, 429, 200, 429, 429] == statuses(received)


def test_other_requests_reach_the_application(port: int) -> None:
    requests = [
        b"GET /model HTTP/1.1\r\nHost: test\r\n\r\n",
        b"GET /predict HTTP/1.1\r\nHost: test\r\n\r\n",
        posted(CLOSE, path=b"/predict/"),
    ]

    received = ask(port, *requests)

    assert [200, 405, 404] == statuses(received)


def test_a_client_without_a_key_gets_401_not_429() -> None:
    with serving(guarded(WITH_A_KEY), LoadSheddingProtocol) as port:
        received = ask(port, posted(), posted(KEY + CLOSE))

    assert [401, 429] == statuses(received)


def test_a_rejected_request_whose_body_does_not_arrive_is_closed(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "HEADER_TIMEOUT_S", 0.1)

    with connected(port) as connection:
        connection.sendall(posted()[:-1])
        received = all_of(connection)

    assert b"" == received


def test_rejections_are_counted(port: int) -> None:
    before = REGISTRY.get_sample_value("sentiment_requests_refused_total") or 0

    ask(port, posted() * 2, posted(CLOSE))

    assert before + 3 == REGISTRY.get_sample_value("sentiment_requests_refused_total")


@pytest.mark.parametrize(
    ("request_", "status_class"),
    [
        (b"GET /model HTTP/1.1\r\nHost: test\r\n" + CLOSE + b"\r\n", "2xx"),
        (posted(CLOSE), "4xx"),  # by its headers alone
        (b"nonsense\r\n\r\n", "4xx"),
    ],
)
def test_every_response_is_counted_once(port: int, request_: bytes, status_class: str) -> None:
    before = responses()

    ask(port, request_)

    assert before | {status_class: before[status_class] + 1} == responses()


def test_too_many_connections_are_counted_as_errors(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "MAX_CONNECTIONS", 0)
    before = responses()["5xx"]

    assert [503] == statuses(ask(port, b""))

    assert before + 1 == responses()["5xx"]


def responses() -> dict[str, float]:
    """Return how many responses of each class were counted."""
    name = "sentiment_responses_total"
    return {
        found: REGISTRY.get_sample_value(name, {"status_class": found}) or 0
        for found in ("2xx", "3xx", "4xx", "5xx")
    }


def test_a_rejection_does_not_reach_the_middleware() -> None:
    asked = []
    guard = guarded()

    async def recorded(scope, receive, send):  # type: ignore[no-untyped-def]
        asked.append(scope["type"])
        await guard(scope, receive, send)

    with serving(recorded, LoadSheddingProtocol) as port:
        assert [429] == statuses(ask(port, posted(CLOSE)))

    assert ["lifespan"] == asked
