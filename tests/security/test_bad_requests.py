"""Requests at the limits and beyond get a result or a clear error."""

import json

import httpx
import pytest

from tests.security.conftest import KEY
from tests.security.raw import exchange, head, posted
from tests.support.server import Server

TIMEOUT_S = 60


def post(server: Server, path: str, body: str | bytes) -> httpx.Response:
    """Post a body as JSON, with the key."""
    headers = {"Content-Type": "application/json", "X-API-Key": KEY}
    return httpx.post(f"{server.url}{path}", content=body, headers=headers, timeout=TIMEOUT_S)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        pytest.param(head("GET", "/model", x="y" * 40_000), 431, id="a giant header"),
        pytest.param(head("GET", "/" + "y" * 40_000), 431, id="a giant URL"),
        pytest.param(
            head("GET", "/model", **{f"x{n}": "y" for n in range(9_000)}), 431, id="many headers"
        ),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, id="TLS"),
        pytest.param(b"nonsense\r\n\r\n", 400, id="not HTTP"),
        pytest.param(b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n", 400, id="not ASCII"),
        pytest.param(head(content_length="-1"), 400, id="a negative length"),
        pytest.param(
            head(content_length=5, transfer_encoding="chunked") + b"0\r\n\r\n",
            400,
            id="two sizes",
        ),
        pytest.param(
            head(transfer_encoding="chunked") + b"no number\r\n", 400, id="a chunk without a size"
        ),
    ],
)
def test_an_invalid_request_gets_a_json_error(server: Server, sent: bytes, status: int) -> None:
    reply = exchange(server, sent)

    assert status == reply.status
    assert isinstance(reply.error, str)
    assert {"x-request-id", "x-content-type-options"} < set(reply.headers)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param("[" * 100_000 + "]" * 100_000, 400, id="deep lists"),
        pytest.param('{"text":' * 100_000 + "1" + "}" * 100_000, 400, id="deep objects"),
        pytest.param('{"text": 1' + "0" * 100_000 + "}", 400, id="a long number"),
        pytest.param('{"text": 1e999999999}', 400, id="a large number"),
        pytest.param('{"text": NaN}', 400, id="NaN"),
        pytest.param(b'{"text": "\xff\xfe"}', 400, id="not UTF-8"),
        pytest.param(b'\xff\xfe{\x00"\x00', 400, id="UTF-16"),
        pytest.param(r'{"text": "half a pair \ud83d"}', 400, id="a lone surrogate"),
        pytest.param('{"text": "a", "text": "b"}', 200, id="the last of two values counts"),
        pytest.param(r'{"text": "NUL \u0000 inside"}', 200, id="NUL"),
        pytest.param('{"text": "\x00"}', 400, id="a bare NUL"),
        pytest.param(json.dumps({"text": "\U0001f600" * 5000}), 200, id="5,000 emoji"),
        pytest.param(json.dumps({"text": "\U0001f600" * 5001}), 400, id="5,001 emoji"),
        pytest.param(json.dumps({"text": "\u0301" * 5000}), 200, id="only accents"),
    ],
)
def test_json_at_the_limits_has_its_status(server: Server, body: str | bytes, status: int) -> None:
    response = post(server, "/predict", body)

    assert status == response.status_code, response.text
    assert len(response.content) < 2000


@pytest.mark.parametrize("faulty", [rb"half a pair \ud83d", b"no UTF-8 \xff", b"a bare NUL \x00"])
def test_an_invalid_string_is_reported_with_its_index(server: Server, faulty: bytes) -> None:
    response = post(server, "/predict_batch", b'{"texts": ["a", "\\"b\\"", "%b"]}' % faulty)

    assert (400, ["texts", 2]) == (response.status_code, response.json()["detail"][0]["loc"])
    assert response.json()["error"].startswith("texts.2: must be ")


@pytest.mark.parametrize("path", ["/predict%0A", "/predict_batch%0a", "/predict/", "/predict%00"])
def test_a_path_that_differs_in_one_character_is_not_found(server: Server, path: str) -> None:
    response = post(server, path, '{"text": "fine"}')

    assert (404, {"error": "Not Found"}) == (response.status_code, response.json())


@pytest.mark.parametrize("path", ["/model/", "/static_content", "/docs.json%0A"])
def test_nothing_redirects_to_the_host_of_the_request(server: Server, path: str) -> None:
    headers = {"X-API-Key": KEY, "Host": "elsewhere.example"}

    response = httpx.get(f"{server.url}{path}", headers=headers)

    assert (404, {"error": "Not Found"}) == (response.status_code, response.json())


def test_an_upgrade_header_is_ignored(server: Server) -> None:
    body = b'{"text": "fine"}'
    headers = {"connection": "Upgrade, HTTP2-Settings, close", "upgrade": "h2c"}

    reply = exchange(server, head(content_length=len(body), **headers) + body)

    assert 200 == reply.status
    assert "pip install" not in server.log


@pytest.mark.usefixtures("healthy_client")
def test_the_largest_batch_leaves_other_clients_alone(server: Server) -> None:
    texts = [f"{number} {'word ' * 1000}"[:5000] for number in range(128)]

    response = post(server, "/predict_batch", json.dumps({"texts": texts}))

    assert 200 == response.status_code
    assert 128 == len(response.json())


def test_pipelined_requests_are_answered_in_order(server: Server) -> None:
    first = head(content_length=15) + b'{"text": "one"}'

    reply = exchange(server, first + posted(b"{}"))

    assert 200 == reply.status
    assert b"HTTP/1.1 400" in reply.body
