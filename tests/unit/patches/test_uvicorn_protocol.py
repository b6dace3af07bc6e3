"""Pipelined requests are answered in order and within limits; slow clients are disconnected."""

import asyncio
from collections.abc import Iterator

import psutil
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from tests.support.server import eventually
from tests.unit.api.served import PATIENCE_S, all_of, ask, connected, serving, statuses

GET = b"GET /slow HTTP/1.1\r\nHost: test\r\n\r\n"
LAST = b"GET /slow HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"
LARGE, LAST_LARGE = (each.replace(b"slow", b"large") for each in (GET, LAST))
UPGRADE = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"


async def echo(request: Request) -> Response:
    """Respond with the body."""
    return PlainTextResponse(await request.body())


async def slow(_request: Request) -> Response:
    """Respond after a short while."""
    await asyncio.sleep(0.05)
    return PlainTextResponse("done")


async def large(_request: Request) -> Response:
    """Respond with more than a connection buffers."""
    return PlainTextResponse("x" * (8 << 20))


@pytest.fixture(name="port")
def fixture_port() -> Iterator[int]:
    """Serve the endpoints above."""
    routes = [Route("/slow", slow), Route("/large", large), Route("/", echo, methods=["POST"])]
    with serving(Starlette(routes=routes)) as port:
        yield port


def posted(body: bytes, more: bytes = b"") -> bytes:
    """Return a request with additional headers."""
    return b"POST / HTTP/1.1\r\nHost: test\r\n%bContent-Length: %d\r\n\r\n%b" % (
        more,
        len(body),
        body,
    )


def test_pipelined_requests_are_answered_in_order(port: int) -> None:
    received = ask(port, GET * 15 + LAST)

    assert [200] * 16 == statuses(received)


def test_pipelined_requests_over_the_limit_are_rejected(port: int) -> None:
    received = ask(port, GET * 10_000)

    assert [200] * 17 + [429] == statuses(received)
    assert b"more than 16 requests wait on this connection" in received
    assert b"retry-after: 1\r\n" in received


def test_bytes_that_arrive_while_requests_wait_are_read_later(port: int) -> None:
    received = ask(port, GET * 12, GET * 11 + LAST)

    assert [200] * 24 == statuses(received)


def test_a_request_is_answered_before_invalid_bytes_after_it_are_rejected(port: int) -> None:
    received = ask(port, GET + b"nonsense\r\n\r\n")

    assert [200, 400] == statuses(received)


@pytest.mark.parametrize("before", [0, 1, 3])
def test_an_invalid_body_is_rejected_after_earlier_requests_are_answered(
    port: int, before: int
) -> None:
    broken = b"POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n"

    received = ask(port, GET * before + broken)

    assert [200] * before + [400] == statuses(received)


def test_a_body_that_turns_invalid_after_the_response_is_ignored(port: int) -> None:
    start = b"POST /slow HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n"

    received = ask(port, start, b"nonsense\r\n")

    assert [405] == statuses(received)


def test_a_body_does_not_count_towards_the_next_headers(port: int) -> None:
    received = ask(port, posted(b"x" * 60_000) + LAST[:20], LAST[20:])

    assert [200, 200] == statuses(received)


def test_separators_count_towards_the_size_of_headers(port: int) -> None:
    received = ask(port, b"GET /slow HTTP/1.1\r\n" + b"a:\r\n" * 25_000 + b"\r\n")

    assert [431] == statuses(received)


@pytest.mark.parametrize(
    "start",
    [
        pytest.param(b"GET / HTTP/1.1\r\nX: ", id="a header"),
        pytest.param(
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;x=", id="a chunk's extension"
        ),
        pytest.param(
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ", id="a trailer"
        ),
    ],
)
def test_endless_headers_are_rejected(port: int, start: bytes) -> None:
    received = ask(port, start, b"x" * 20_000, b"x" * 20_000)

    assert [431] == statuses(received)


@pytest.mark.parametrize("last", [b"", b"Connection: close\r\n"])
def test_an_upgrade_header_is_ignored(port: int, last: bytes) -> None:
    wish = posted(b"some text", UPGRADE + last)

    whole = ask(port, wish + LAST)
    in_pieces = ask(port, wish[:60], wish[60:-5], wish[-5:] + LAST)

    assert [200] * (1 if last else 2) == statuses(whole) == statuses(in_pieces)
    assert b"some text" in whole
    assert b"some text" in in_pieces


def test_connect_is_rejected(port: int) -> None:
    received = ask(port, b"CONNECT test:443 HTTP/1.1\r\nHost: test\r\n\r\n")

    assert [400] == statuses(received)


@pytest.mark.parametrize(
    "asked",
    [pytest.param(LARGE * 2, id="a second request waits"), pytest.param(LAST_LARGE, id="closing")],
)
def test_a_client_that_does_not_read_is_disconnected(
    port: int, monkeypatch: pytest.MonkeyPatch, asked: bytes
) -> None:
    monkeypatch.setattr("patches.uvicorn_protocol.WRITE_TIMEOUT_S", 0.1)

    with connected(port, receive_bytes=4096) as connection:
        connection.sendall(asked)
        assert connection.recv(1)  # it is being answered
        eventually(lambda: not peers(port), PATIENCE_S)


def test_a_large_response_is_sent_completely(port: int) -> None:
    with connected(port) as connection:
        connection.sendall(LAST_LARGE)
        received = all_of(connection)

    assert len(received) > 8 << 20


def test_connections_over_the_limit_are_rejected(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("patches.uvicorn_protocol.MAX_CONNECTIONS", 2)

    with connected(port) as first, connected(port) as second:
        eventually(lambda: 2 == len(peers(port)), PATIENCE_S)
        received = ask(port)
        first.sendall(LAST)
        second.sendall(LAST)
        answers = [statuses(all_of(each)) for each in (first, second)]

    assert [503] == statuses(received)
    assert [[200], [200]] == answers
    assert [200] == statuses(ask(port, LAST))


def test_a_client_that_disconnects_while_its_requests_wait_causes_no_error(
    port: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("patches.uvicorn_protocol.WRITE_TIMEOUT_S", 0.1)

    with connected(port, receive_bytes=4096) as connection:
        connection.sendall(LARGE * 4)
        assert connection.recv(1)  # it is being answered
        eventually(lambda: not peers(port), PATIENCE_S)
    assert [200] == statuses(ask(port, LAST))  # by now the others would have failed

    assert [] == caplog.messages


def test_a_rejection_is_logged_with_the_request_id_of_its_response(
    port: int, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level("INFO", "bentoml")
    monkeypatch.setattr("api.http.log.MAX_LINES", 1000)  # other tests have used some

    received = ask(port, b"nonsense\r\n\r\n")

    (line,) = caplog.messages
    (given,) = [part for part in received.split(b"\r\n") if part.startswith(b"x-request-id: ")]
    assert f"request {given.decode()[14:]} was rejected: the request is not valid HTTP" == line


def peers(port: int) -> list[object]:
    """Return the service's open connections."""
    return [
        each
        for each in psutil.Process().net_connections("tcp")
        if each.laddr.port == port and each.status == psutil.CONN_ESTABLISHED
    ]
