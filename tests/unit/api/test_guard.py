"""What the guard refuses, what it passes on, and the one shape of every error."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from api.admission import Admission
from api.guard import Guard
from api.requests import VALIDATED, Validated
from api.settings import GuardSettings

BODIES_OF_BOTH = [("/predict", {"text": "fine"}), ("/predict_batch", {"texts": ["a", "b"]})]


async def echo(request: Request) -> Response:
    """Answer the validated body."""
    return JSONResponse(request.scope[VALIDATED].body.model_dump())


async def busy(_request: Request) -> Response:
    """Refuse as BentoML does under load."""
    return JSONResponse({"error": "busy"}, 503)


async def broken(_request: Request) -> Response:
    """Fail with a page that is no JSON."""
    return PlainTextResponse("Traceback: /secret/path", 500)


@pytest.fixture(name="client")
def fixture_client() -> Iterator[TestClient]:
    """Put the guard in front of a small application with the service's paths."""
    routes = [
        Route("/predict", echo, methods=["POST"]),
        Route("/predict_batch", echo, methods=["POST"]),
        Route("/busy", busy),
        Route("/broken", broken),
    ]
    with TestClient(Guard(Starlette(routes=routes))) as client:
        yield client


def post(client: TestClient, path: str, content: str | bytes | Iterator[bytes]) -> httpx.Response:
    """Post a body as JSON."""
    headers = {"Content-Type": "application/json"}
    response: httpx.Response = client.post(path, content=content, headers=headers)
    return response


@pytest.mark.parametrize(("path", "body"), BODIES_OF_BOTH)
def test_a_valid_body_is_passed_on(client: TestClient, path: str, body: dict[str, Any]) -> None:
    response = post(client, path, json.dumps(body))

    assert (200, body) == (response.status_code, response.json())


@pytest.mark.parametrize(
    "media_type", ["application/json", "Application/JSON; charset=utf-8", "application/json;x=y"]
)
def test_json_may_be_declared_in_any_spelling(client: TestClient, media_type: str) -> None:
    headers = {"Content-Type": media_type}

    response = client.post("/predict", content='{"text": "fine"}', headers=headers)

    assert 200 == response.status_code


@pytest.mark.parametrize(
    ("content", "field", "message"),
    [
        ("", [], "Invalid JSON"),
        ("{", [], "Invalid JSON"),
        ("[]", [], "Input should be an object"),
        ("null", [], "Input should be an object"),
        ("{}", ["text"], "text: Field required"),
        ('{"text": null}', ["text"], "text: Input should be a valid string"),
        ('{"text": 3}', ["text"], "text: Input should be a valid string"),
        ('{"text": ["a"]}', ["text"], "text: Input should be a valid string"),
        ('{"text": ""}', ["text"], "text: must not be empty or blank"),
        ('{"text": " \\t\\n\\u3000\\ufeff"}', ["text"], "text: must not be empty or blank"),
        (json.dumps({"text": "x" * 5001}), ["text"], "text: String should have at most 5000"),
        ('{"text": "a", "lang": "en"}', [], "unknown field 'lang'"),
        ('{"text": "\\ud800"}', [], "Invalid JSON"),
        (b'{"text": "\xff"}', [], "Invalid JSON"),
    ],
)
def test_a_bad_text_is_refused_with_its_field(
    client: TestClient, content: str | bytes, field: list[str], message: str
) -> None:
    response = post(client, "/predict", content)

    answer = response.json()
    assert 400 == response.status_code
    assert field == answer["detail"][0]["loc"]
    assert answer["error"].startswith(message)


@pytest.mark.parametrize(
    ("texts", "field"),
    [
        ([], ["texts"]),
        (["a"] * 129, ["texts"]),
        (["a", " ", "c"], ["texts", 1]),
        (["a", "b", 3], ["texts", 2]),
        ("a", ["texts"]),
    ],
)
def test_a_bad_list_is_refused_with_the_index(
    client: TestClient, texts: Any, field: list[str | int]
) -> None:
    response = post(client, "/predict_batch", json.dumps({"texts": texts}))

    assert (400, field) == (response.status_code, response.json()["detail"][0]["loc"])


@pytest.mark.parametrize("text", ["x" * 5000, "😀" * 5000, "\x00", "\x85", "null"])
def test_a_text_at_the_limits_is_passed_on(client: TestClient, text: str) -> None:
    response = post(client, "/predict", json.dumps({"text": text}))

    assert {"text": text} == response.json()


def test_a_body_of_many_mistakes_gets_a_short_answer(client: TestClient) -> None:
    unknown = json.dumps({f"field {number}": number for number in range(40_000)})
    wrong = json.dumps({"texts": [3] * 200_000})

    answers = [post(client, "/predict", unknown), post(client, "/predict_batch", wrong)]

    assert [400, 400] == [answer.status_code for answer in answers]
    assert max(len(answer.content) for answer in answers) < 1000


def test_a_body_that_does_not_arrive_is_given_up() -> None:
    sent: list[dict[str, Any]] = []

    async def run() -> None:
        scope = {"type": "http", "method": "POST", "path": "/predict", "headers": []}
        await Guard(Starlette(), body_deadline_s=0.01)(scope, asyncio.Event().wait, send)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(run())

    assert 408 == sent[0]["status"]
    assert {"error": "the body took too long to arrive"} == json.loads(sent[1]["body"])


def test_errors_name_no_library(client: TestClient) -> None:
    response = post(client, "/predict", "{}")

    assert {"type", "loc", "msg"} == set(response.json()["detail"][0])
    assert "pydantic" not in response.text


@pytest.mark.parametrize(
    "media_type", [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]
)
def test_other_media_types_are_refused(client: TestClient, media_type: str | None) -> None:
    headers = {} if media_type is None else {"Content-Type": media_type}

    response = client.post("/predict", content=b'{"text": "fine"}', headers=headers)

    assert 415 == response.status_code
    assert response.json()["error"].startswith("Content-Type must be application/json")


def test_a_body_that_is_declared_too_large_is_refused(client: TestClient) -> None:
    response = post(client, "/predict", b"x" * (1 << 20) + b"x")

    assert (413, {"error": "the body is larger than 1048576 bytes"}) == (
        response.status_code,
        response.json(),
    )


def test_a_body_that_streams_too_much_is_refused(client: TestClient) -> None:
    response = post(client, "/predict", (b"x" * 1000 for _ in range(2000)))

    assert 413 == response.status_code


def test_a_body_of_just_the_limit_is_read(client: TestClient) -> None:
    start, end = b'{"text": "fine"', b"}"

    response = post(client, "/predict", start + b" " * ((1 << 20) - len(start + end)) + end)

    assert 200 == response.status_code


@pytest.mark.parametrize(
    ("method", "path", "status", "error"),
    [
        ("GET", "/nowhere", 404, "Not Found"),
        ("POST", "/nowhere", 404, "Not Found"),
        ("GET", "/predict", 405, "Method Not Allowed"),
        ("GET", "/broken", 500, "Internal Server Error"),
    ],
)
def test_every_error_is_a_json_object(
    client: TestClient, method: str, path: str, status: int, error: str
) -> None:
    response = client.request(method, path)

    assert (status, {"error": error}) == (response.status_code, response.json())
    assert str(len(response.content)) == response.headers["content-length"]


def test_a_wrong_method_names_the_right_one(client: TestClient) -> None:
    assert "POST" == client.get("/predict").headers["allow"]


def test_an_overloaded_service_says_when_to_come_again(client: TestClient) -> None:
    response = client.get("/busy")

    assert (503, "1") == (response.status_code, response.headers["retry-after"])


async def fails(_request: Request) -> Response:
    """Raise what nobody catches."""
    raise RuntimeError("/secret/path")


def one_route(endpoint: Any, path: str = "/predict") -> Starlette:
    """Make an application of one endpoint."""
    return Starlette(routes=[Route(path, endpoint, methods=["GET", "POST"])])


def test_what_nobody_catches_is_logged_with_the_requests_id_and_told_to_no_client(
    caplog: pytest.LogCaptureFixture,
) -> None:
    client = TestClient(Guard(one_route(fails, "/model")))

    response = client.get("/model", headers={"X-Request-Id": "abc-1"})

    assert (500, {"error": "Internal Server Error"}) == (response.status_code, response.json())
    assert "abc-1" == response.headers["x-request-id"]
    assert "abc-1" in caplog.text


@pytest.mark.parametrize("given", ["", "two words", "x" * 65, "<script>"])
def test_a_request_without_a_decent_id_gets_one_of_its_own(client: TestClient, given: str) -> None:
    ids = {
        client.get("/nowhere", headers={"X-Request-Id": given}).headers["x-request-id"]
        for _ in range(2)
    }

    assert 2 == len(ids)
    assert given not in ids


@pytest.mark.parametrize("path", ["/predict", "/nowhere", "/busy", "/broken"])
def test_every_answer_has_the_headers_of_security(client: TestClient, path: str) -> None:
    headers = post(client, path, '{"text": "fine"}').headers

    assert ("nosniff", "no-store") == (headers["x-content-type-options"], headers["cache-control"])
    assert "server" not in headers


def test_whoever_has_no_key_is_refused_before_its_body_is_read() -> None:
    settings = GuardSettings.model_validate({"api_keys": "the-key"})
    client = TestClient(Guard(one_route(echo), settings))

    refused = client.post("/predict", content=b"no JSON")
    accepted = client.post("/predict", json={"text": "fine"}, headers={"X-API-Key": "the-key"})

    assert (401, 200) == (refused.status_code, accepted.status_code)
    assert "Bearer" == refused.headers["www-authenticate"]


def test_an_open_service_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    client = TestClient(Guard(one_route(echo)))
    for _ in range(3):
        post(client, "/predict", '{"text": "fine"}')

    assert 1 == caplog.text.count("API_KEYS is not set")


def test_more_texts_than_may_be_in_flight_are_refused_with_the_time_to_come_again() -> None:
    admission = Admission(most=2)
    client = TestClient(Guard(one_route(echo, "/predict_batch"), admission=admission))

    with admission.working_on(1):
        refused = post(client, "/predict_batch", '{"texts": ["a", "b"]}')
    accepted = post(client, "/predict_batch", '{"texts": ["a", "b"]}')

    assert (429, "1") == (refused.status_code, refused.headers["retry-after"])
    assert 200 == accepted.status_code


def test_the_endpoint_learns_that_its_client_has_left() -> None:
    seen: list[bool] = []

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        validated: Validated = scope[VALIDATED]
        seen.append(validated.asker.is_gone)
        async with asyncio.timeout(60):
            while not validated.asker.is_gone:
                await asyncio.sleep(0)
        seen.append(validated.asker.is_gone)

    messages = [
        {"type": "http.request", "body": b'{"text": "fine"}', "more_body": False},
        {"type": "http.disconnect"},
    ]

    async def receive() -> Any:
        await asyncio.sleep(0.01)
        return messages.pop(0)

    headers = [(b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": "/predict", "headers": headers}
    asyncio.run(Guard(app)(scope, receive, lambda _: asyncio.sleep(0)))

    assert [False, True] == seen


def test_websockets_are_closed() -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(Guard(Starlette())({"type": "websocket"}, asyncio.Event().wait, send))

    assert ["websocket.close"] == [message["type"] for message in sent]
