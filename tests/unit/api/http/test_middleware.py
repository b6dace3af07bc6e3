"""What the middleware rejects and passes on, and the shape of every error."""

import asyncio
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from api.contract.errors import QUEUE_TIMEOUT
from api.contract.requests import ParsedRequest
from api.http.admission import AdmissionControl
from api.http.io_descriptors import PARSED_REQUEST
from api.http.middleware import ApiMiddleware
from api.settings import ApiSettings
from tests.support.clock import Clock
from tests.unit.api.conftest import busy, echo, post

WITH_A_KEY = ApiSettings.model_validate({"api_keys": "the-key"})


@pytest.mark.parametrize(
    ("method", "path", "status", "error"),
    [
        ("GET", "/nowhere", 404, "Not Found"),
        ("POST", "/nowhere", 404, "Not Found"),
        ("GET", "/predict", 405, "Method Not Allowed"),
        ("GET", "/broken", 500, "Internal Server Error"),
        ("POST", "/predict/", 404, "Not Found"),
        ("POST", "/predict%0A", 404, "Not Found"),
        ("GET", "/busy%0A", 404, "Not Found"),
        ("GET", "/busy%7F", 404, "Not Found"),
    ],
)
def test_every_error_is_a_json_object(
    client: TestClient, method: str, path: str, status: int, error: str
) -> None:
    response = client.request(method, path, follow_redirects=False)

    assert (status, {"error": error}) == (response.status_code, response.json())
    assert str(len(response.content)) == response.headers["content-length"]


def test_405_names_the_allowed_methods(client: TestClient) -> None:
    assert "POST" == client.get("/predict").headers["allow"]


async def returns_bentomls_error(_request: Request) -> Response:
    """Return BentoML's response to an unexpected exception."""
    error = "An unexpected error has occurred, please check the server log."
    return JSONResponse({"error": error}, 500)


def test_bentomls_error_message_is_replaced() -> None:
    client = TestClient(ApiMiddleware(one_route(returns_bentomls_error, "/model")))

    response = client.get("/model")

    assert (500, {"error": "Internal Server Error"}) == (response.status_code, response.json())


def test_503_has_retry_after(client: TestClient) -> None:
    response = client.get("/busy")

    assert (503, "1") == (response.status_code, response.headers["retry-after"])


async def fails(_request: Request) -> Response:
    """Raise an unexpected exception."""
    raise RuntimeError("/secret/path")


async def hangs(_request: Request) -> Response:
    """Return no response."""
    await asyncio.Event().wait()
    raise AssertionError("the event was set")


def one_route(endpoint: Any, path: str = "/predict") -> Starlette:
    """Return an application with one endpoint."""
    return Starlette(routes=[Route(path, endpoint, methods=["GET", "POST"])])


def test_an_unexpected_exception_is_logged_with_the_request_id_and_not_shown(
    caplog: pytest.LogCaptureFixture,
) -> None:
    client = TestClient(ApiMiddleware(one_route(fails, "/model")))

    response = client.get("/model", headers={"X-Request-Id": "abc-1"})

    assert (500, {"error": "Internal Server Error"}) == (response.status_code, response.json())
    assert "abc-1" == response.headers["x-request-id"]
    assert "abc-1" in caplog.text


def test_a_request_that_takes_too_long_is_a_json_504(
    caplog: pytest.LogCaptureFixture,
) -> None:
    client = TestClient(ApiMiddleware(one_route(hangs), timeout_s=0.01))

    response = post(client, "/predict", '{"text": "fine"}')

    assert (504, {"error": "Gateway Timeout"}) == (response.status_code, response.json())
    assert f"request {response.headers['x-request-id']}: POST '/predict' returned 504" in (
        caplog.text
    )


def test_5xx_is_logged_as_a_warning_and_401_as_info(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.http.log.MAX_LINES", 1000)  # other tests used some
    caplog.set_level("INFO", "bentoml")
    client = TestClient(ApiMiddleware(Starlette(routes=[Route("/busy", busy)]), WITH_A_KEY))

    for headers in ({}, {"X-API-Key": "the-key"}):
        client.get("/busy", headers={"X-Request-Id": "an-id"} | headers)
    client.get("/nowhere", headers={"X-API-Key": "the-key"})

    assert [
        ("INFO", "request an-id: GET '/busy' returned 401"),
        ("WARNING", "request an-id: GET '/busy' returned 503"),
    ] == [
        (record.levelname, record.getMessage())
        for record in caplog.records
        if record.name.startswith("bentoml")
    ]


@pytest.mark.parametrize("given", ["", "two words", "x" * 65, "<script>"])
def test_an_invalid_request_id_is_replaced(client: TestClient, given: str) -> None:
    ids = {
        client.get("/nowhere", headers={"X-Request-Id": given}).headers["x-request-id"]
        for _ in range(2)
    }

    assert 2 == len(ids)
    assert given not in ids


@pytest.mark.parametrize("path", ["/predict", "/nowhere", "/busy", "/broken"])
def test_every_response_has_the_security_headers(client: TestClient, path: str) -> None:
    headers = post(client, path, '{"text": "fine"}').headers

    assert ("nosniff", "no-store") == (headers["x-content-type-options"], headers["cache-control"])
    assert "server" not in headers


def test_401_comes_before_the_body_is_read() -> None:
    client = TestClient(ApiMiddleware(one_route(echo), WITH_A_KEY))

    rejected = client.post("/predict", content=b"no JSON")
    accepted = client.post("/predict", json={"text": "fine"}, headers={"X-API-Key": "the-key"})

    assert (401, 200) == (rejected.status_code, accepted.status_code)
    assert "Bearer" == rejected.headers["www-authenticate"]


def test_a_service_without_keys_logs_it_once(caplog: pytest.LogCaptureFixture) -> None:
    client = TestClient(ApiMiddleware(one_route(echo)))
    for _ in range(3):
        post(client, "/predict", '{"text": "fine"}')

    assert 1 == caplog.text.count("API_KEYS is not set")


def test_too_many_texts_in_flight_give_429_with_retry_after(
    clock: Clock,
) -> None:
    admission = AdmissionControl(max_texts=2)
    client = TestClient(ApiMiddleware(one_route(echo), admission=admission))

    with admission.acquire(2):
        clock.now_s += 6.5
        rejected = post(client, "/predict", '{"text": "a"}')
    accepted = post(client, "/predict", '{"text": "a"}')

    assert (429, "7") == (rejected.status_code, rejected.headers["retry-after"])
    assert 200 == accepted.status_code


def test_a_batch_without_room_queues_until_there_is_room() -> None:
    admission = AdmissionControl(max_texts=2)
    app = ApiMiddleware(one_route(echo, "/predict_batch"), admission=admission)

    async def ask() -> tuple[int, int, int]:
        client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")
        with admission.acquire(1, is_batch=True):
            asked = asyncio.ensure_future(client.post("/predict_batch", json={"texts": ["a", "b"]}))
            async with asyncio.timeout(60):
                while not admission.queued_texts:
                    await asyncio.sleep(0)
            in_line = admission.queued_texts
        return in_line, (await asked).status_code, admission.texts_in_flight

    assert (2, 200, 0) == asyncio.run(ask())


def test_a_batch_without_room_in_the_queue_gives_429(clock: Clock) -> None:
    admission = AdmissionControl(max_texts=2)
    client = TestClient(ApiMiddleware(one_route(echo, "/predict_batch"), admission=admission))

    async def send() -> httpx.Response:
        with admission.acquire(1, is_batch=True), admission.acquire(2, is_batch=True):
            clock.now_s += 6.5
            return await asyncio.to_thread(post, client, "/predict_batch", '{"texts": ["a", "b"]}')

    response = asyncio.run(send())

    assert (429, "7") == (response.status_code, response.headers["retry-after"])


def test_a_batch_that_queues_too_long_gives_503(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.http.middleware.QUEUE_TIMEOUT_S", 0.01)
    admission = AdmissionControl(max_texts=2)
    client = TestClient(ApiMiddleware(one_route(echo, "/predict_batch"), admission=admission))

    with admission.acquire(1, is_batch=True):
        response = post(client, "/predict_batch", '{"texts": ["a", "b"]}')

    assert (503, QUEUE_TIMEOUT.error) == (response.status_code, response.json()["error"])
    assert "1" == response.headers["retry-after"]
    assert (0, 0) == (admission.queued_texts, admission.texts_in_flight)


def test_a_queued_batch_ends_when_its_client_disconnects() -> None:
    admission = AdmissionControl(max_texts=2)
    messages = [
        {"type": "http.request", "body": b'{"texts": ["a", "b"]}', "more_body": False},
        {"type": "http.disconnect"},
    ]
    statuses: list[int] = []

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        statuses.append(message.get("status", 0))

    headers = [(b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": "/predict_batch", "headers": headers}
    with admission.acquire(1, is_batch=True):
        asyncio.run(ApiMiddleware(one_route(echo), admission=admission)(scope, receive, send))

        assert 499 == statuses[0]
        assert (0, 1) == (admission.queued_texts, admission.texts_in_flight)


def test_a_slot_is_released_when_the_response_starts() -> None:
    admission = AdmissionControl(max_texts=1)
    seen: list[int] = []

    async def send(_message: Any) -> None:
        seen.append(admission.texts_in_flight)

    async def receive() -> Any:
        return {"type": "http.request", "body": b'{"text": "fine"}', "more_body": False}

    headers = [(b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": "/predict", "headers": headers}
    asyncio.run(ApiMiddleware(one_route(echo), admission=admission)(scope, receive, send))

    assert [0, 0] == seen


def test_the_request_state_shows_that_the_client_has_disconnected() -> None:
    seen: list[bool] = []

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        request: ParsedRequest = scope[PARSED_REQUEST]
        seen.append(request.state.disconnected)
        async with asyncio.timeout(60):
            while not request.state.disconnected:
                await asyncio.sleep(0)
        seen.append(request.state.disconnected)

    messages = [
        {"type": "http.request", "body": b'{"text": "fine"}', "more_body": False},
        {"type": "http.disconnect"},
    ]

    async def receive() -> Any:
        await asyncio.sleep(0.01)
        return messages.pop(0)

    headers = [(b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": "/predict", "headers": headers}
    asyncio.run(ApiMiddleware(app)(scope, receive, lambda _: asyncio.sleep(0)))

    assert [False, True] == seen


def test_websockets_are_closed() -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(ApiMiddleware(Starlette())({"type": "websocket"}, asyncio.Event().wait, send))

    assert ["websocket.close"] == [message["type"] for message in sent]
