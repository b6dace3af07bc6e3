"""Valid bodies are passed on; others get a clear error."""

import asyncio
import json
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.testclient import TestClient
from starlette.types import Message

from api.contract.errors import ApiError
from api.contract.requests import ParsedRequest, PredictRequest
from api.http.body_reader import BodyReader
from api.http.middleware import ApiMiddleware
from tests.unit.api.conftest import post

VALID_BODIES = [("/predict", {"text": "fine"}), ("/predict_batch", {"texts": ["a", "b"]})]


@pytest.mark.parametrize(("path", "body"), VALID_BODIES)
def test_a_valid_body_is_passed_on(client: TestClient, path: str, body: dict[str, Any]) -> None:
    response = post(client, path, json.dumps(body))

    assert (200, body) == (response.status_code, response.json())


@pytest.mark.parametrize(
    "media_type", ["application/json", "Application/JSON; charset=utf-8", "application/json;x=y"]
)
def test_the_media_type_may_have_parameters(client: TestClient, media_type: str) -> None:
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
        ('{"text": "a", "lang": "en"}', ["lang"], "unknown field 'lang'"),
        ('{"text": "\\ud800"}', ["text"], "text: must be Unicode: \\ud800 is half of a surrogate"),
        (b'{"text": "\xff"}', ["text"], "text: must be UTF-8: invalid byte 0xff"),
        (b'{"text": "a\nb"}', ["text"], "text: must be JSON: the control character U+000A"),
        (b'\xef\xbb\xbf{"text": "a"}', [], "Invalid JSON: the body must be UTF-8 without a byte"),
        ('{"text": "a"}'.encode("utf-16"), [], "Invalid JSON: the body must be UTF-8 without"),
    ],
)
def test_an_invalid_text_is_reported_with_its_field(
    client: TestClient, content: str | bytes, field: list[str], message: str
) -> None:
    response = post(client, "/predict", content)

    error = response.json()
    assert 400 == response.status_code
    assert field == error["detail"][0]["loc"]
    assert error["error"].startswith(message)


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
def test_an_invalid_list_is_reported_with_the_index(
    client: TestClient, texts: Any, field: list[str | int]
) -> None:
    response = post(client, "/predict_batch", json.dumps({"texts": texts}))

    assert (400, field) == (response.status_code, response.json()["detail"][0]["loc"])


@pytest.mark.parametrize(
    ("faulty", "message"),
    [
        (rb"\ud83d", "texts.2: must be Unicode: \\ud83d is half of a surrogate pair"),
        (b"\xff", "texts.2: must be UTF-8: invalid byte 0xff"),
        (b"\t", "texts.2: must be JSON: the control character U+0009 must be escaped"),
    ],
)
def test_an_invalid_string_is_reported_with_its_index(
    client: TestClient, faulty: bytes, message: str
) -> None:
    response = post(client, "/predict_batch", b'{"texts": ["a", "b", "%b", "d"]}' % faulty)

    (problem,) = response.json()["detail"]
    assert (400, message) == (response.status_code, response.json()["error"])
    assert (["texts", 2], message) == (problem["loc"], f"texts.2: {problem['msg']}")


@pytest.mark.parametrize("text", ["x" * 5000, "😀" * 5000, "\x00", "\x85", "null"])
def test_a_text_at_the_limits_is_valid(client: TestClient, text: str) -> None:
    response = post(client, "/predict", json.dumps({"text": text}))

    assert {"text": text} == response.json()


def test_many_errors_give_a_short_response(client: TestClient) -> None:
    unknown = json.dumps({f"field {number}": number for number in range(40_000)})
    wrong = json.dumps({"texts": [3] * 200_000})

    responses = [post(client, "/predict", unknown), post(client, "/predict_batch", wrong)]

    assert [400, 400] == [response.status_code for response in responses]
    assert max(len(response.content) for response in responses) < 1000


def test_a_body_that_does_not_arrive_times_out() -> None:
    sent: list[dict[str, Any]] = []

    async def run() -> None:
        scope = {"type": "http", "method": "POST", "path": "/predict", "headers": []}
        await ApiMiddleware(Starlette(), body_timeout_s=0.01)(scope, asyncio.Event().wait, send)

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
def test_other_media_types_are_rejected(client: TestClient, media_type: str | None) -> None:
    headers = {} if media_type is None else {"Content-Type": media_type}

    response = client.post("/predict", content=b'{"text": "fine"}', headers=headers)

    assert 415 == response.status_code
    assert response.json()["error"].startswith("Content-Type must be application/json")


def test_a_body_that_is_too_large_is_rejected(client: TestClient) -> None:
    response = post(client, "/predict", b"x" * (1 << 20) + b"x")

    assert (413, {"error": "the body is larger than 1048576 bytes"}) == (
        response.status_code,
        response.json(),
    )


def test_a_streamed_body_that_is_too_large_is_rejected(client: TestClient) -> None:
    response = post(client, "/predict", (b"x" * 1000 for _ in range(2000)))

    assert 413 == response.status_code


def test_a_body_at_the_size_limit_is_valid(client: TestClient) -> None:
    start, end = b'{"text": "fine"', b"}"

    response = post(client, "/predict", start + b" " * ((1 << 20) - len(start + end)) + end)

    assert 200 == response.status_code


def reading(chunks: AsyncIterator[bytes], reader: BodyReader) -> Coroutine[Any, Any, ParsedRequest]:
    """Read a body of these chunks, which never ends."""

    async def receive() -> Message:
        return {"type": "http.request", "body": await anext(chunks), "more_body": True}

    return reader.read(PredictRequest, Headers({"content-type": "application/json"}), receive)


def test_an_endless_body_is_discarded_up_to_a_limit() -> None:
    sent: list[int] = []

    async def chunks() -> AsyncIterator[bytes]:
        while True:
            sent.append(1 << 20)
            yield bytes(1 << 20)

    with pytest.raises(ApiError, match="the body is larger than 1048576 bytes"):
        asyncio.run(reading(chunks(), BodyReader()))

    assert (16 << 20) + (1 << 20) == sum(sent)


def test_large_bodies_share_a_memory_limit_and_small_ones_do_not() -> None:
    reader, may_end = BodyReader(), asyncio.Event()

    async def held() -> AsyncIterator[bytes]:
        yield bytes(1 << 20)
        await may_end.wait()

    async def more(size: int) -> str:
        async def chunks() -> AsyncIterator[bytes]:
            yield bytes(size)
            yield bytes(17 << 20)  # ends the reading

        with pytest.raises(ApiError) as raised:
            await reading(chunks(), reader)
        return str(raised.value)

    async def run() -> list[str]:
        waiting = [asyncio.ensure_future(reading(held(), reader)) for _ in range(64)]
        await asyncio.sleep(0)
        answers = [await more(100_000), await more(10_000)]
        for each in waiting:
            each.cancel()
        await asyncio.wait(waiting)
        return [*answers, await more(100_000)]

    assert [
        "too many large bodies are being received",
        "the body is larger than 1048576 bytes",
        "the body is larger than 1048576 bytes",
    ] == asyncio.run(run())
