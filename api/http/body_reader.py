"""Read JSON bodies within limits of size, time and memory, and validate them."""

import asyncio
import time
from http import HTTPStatus
from typing import Any

from pydantic import ValidationError
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import Receive

from api.contract.errors import ApiError
from api.contract.requests import UNKNOWN_FIELD, Body, ParsedRequest, RequestState
from api.http.invalid_json import find_invalid_text, has_other_encoding
from api.http.log import REQUEST_ID

MAX_BODY_BYTES = 1 << 20
MAX_DISCARDED_BYTES = 16 << 20
MAX_BUFFERED_BYTES = 64 << 20  # of all bodies that are being read
SMALL_BODY_BYTES = 16 << 10  # always buffered: the number of connections is limited, too
BODY_TIMEOUT_S = 10.0
MAX_DETAILS = 10
JSON_MEDIA_TYPE = "application/json"


class BodyReader:
    """Read the bodies of all requests of a process."""

    def __init__(self, timeout_s: float = BODY_TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        self._buffered_bytes = 0

    async def read(self, model: type[Body], headers: Headers, receive: Receive) -> ParsedRequest:
        """Read and validate a body. Raises ApiError and ClientDisconnect."""
        try:
            async with asyncio.timeout(self._timeout_s):
                body = await self._read(headers, receive)
        except TimeoutError as error:
            raise ApiError(
                HTTPStatus.REQUEST_TIMEOUT,
                "the body took too long to arrive",
                headers={"Connection": "close"},
            ) from error
        try:
            parsed = model.model_validate_json(body)
        except ValidationError as error:
            raise _bad_request(error, model, body) from error
        return ParsedRequest(parsed, time.perf_counter(), RequestState(REQUEST_ID.get()))

    async def _read(self, headers: Headers, receive: Receive) -> bytes:
        """Read a body; Content-Length is not trusted.

        After an error, read on and discard up to MAX_DISCARDED_BYTES: many clients read no response
        before they have sent everything.
        """
        body, received, error = bytearray(), 0, _media_type_error(headers)
        try:
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientDisconnect
                chunk = message.get("body", b"")
                received += len(chunk)
                error = error or self._size_error(received, len(chunk))
                if error is None:
                    body += chunk
                    self._buffered_bytes += len(chunk)
                if received > MAX_DISCARDED_BYTES or not message.get("more_body", False):
                    break
        finally:
            self._buffered_bytes -= len(body)
        if error is not None:
            raise error
        return bytes(body)

    def _size_error(self, received: int, more: int) -> ApiError | None:
        if received > MAX_BODY_BYTES:
            return ApiError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"the body is larger than {MAX_BODY_BYTES} bytes",
            )
        if received > SMALL_BODY_BYTES and self._buffered_bytes + more > MAX_BUFFERED_BYTES:
            return ApiError(
                HTTPStatus.TOO_MANY_REQUESTS, "too many large bodies are being received"
            )
        return None


def _media_type_error(headers: Headers) -> ApiError | None:
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == JSON_MEDIA_TYPE:
        return None
    return ApiError(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        f"Content-Type must be {JSON_MEDIA_TYPE}, not {media_type[:100]!r}",
    )


def _bad_request(error: ValidationError, model: type[Body], body: bytes) -> ApiError:
    detail: list[Any] = error.errors(include_url=False, include_input=False)
    del detail[MAX_DETAILS:]
    contexts = [each.pop("ctx", {}) for each in detail]
    first = detail[0]
    if first["type"] == "json_invalid":
        first |= _json_problem(model, body)
    field = ".".join(str(part) for part in first["loc"])
    message = f"{field}: {first['msg']}" if field else first["msg"]
    if first["type"] == UNKNOWN_FIELD:  # a pydantic validator cannot set the location
        first["loc"] = (contexts[0]["field"],)
    return ApiError(HTTPStatus.BAD_REQUEST, message, detail)


def _json_problem(model: type[Body], body: bytes) -> dict[str, Any]:
    """Return a better message than the parser's, which names no text."""
    if has_other_encoding(body):
        return {"msg": "Invalid JSON: the body must be UTF-8 without a byte order mark"}
    (field,) = model.model_fields
    invalid = find_invalid_text(body, field)
    return {} if invalid is None else {"loc": invalid.loc, "msg": invalid.msg}
