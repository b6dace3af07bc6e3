"""The outermost layer: nothing malformed comes in, nothing unshaped goes out."""

import asyncio
import time
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, ValidationError
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import RETRY_AFTER_S, error_response
from api.requests import BODIES, VALIDATED, Validated

MAX_BODY_BYTES = 1 << 20
MAX_DROPPED_BYTES = 16 << 20
BODY_DEADLINE_S = 10.0
MAX_DETAILS = 10
JSON_MEDIA_TYPE = "application/json"
# No endpoint answers these: they come from the router, in the router's words.
FRAMEWORK_STATUSES = (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED)


class RefusedError(Exception):
    """A request is refused with an HTTP status before it reaches an endpoint."""

    def __init__(self, status: int, error: str, detail: Sequence[Any] = ()) -> None:
        super().__init__(error)
        self.response = error_response(status, error, detail)


class Guard:
    """ASGI middleware: validate bodies on the way in, shape errors on the way out.

    BentoML's own timeout and limit of concurrency stand outside it, with answers of their own.
    """

    def __init__(self, app: ASGIApp, body_deadline_s: float = BODY_DEADLINE_S) -> None:
        self._app = app
        self._body_deadline_s = body_deadline_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what is refused; pass on the rest, its body validated, in ``scope``."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        model = BODIES.get(scope["path"]) if scope["method"] == "POST" else None
        if model is not None:
            try:
                async with asyncio.timeout(self._body_deadline_s):
                    body = await _body(Headers(scope=scope), receive)
                scope[VALIDATED] = _validated(model, body)
            except TimeoutError:
                late = RefusedError(HTTPStatus.REQUEST_TIMEOUT, "the body took too long to arrive")
                await late.response(scope, receive, send)
                return
            except RefusedError as refused:
                await refused.response(scope, receive, send)
                return
        await self._app(scope, receive, _ErrorShaper(scope, receive, send))


async def _body(headers: Headers, receive: Receive) -> bytes:
    """Read a JSON body, counting: what Content-Length says changes nothing.

    What is refused is read on and dropped for a while, since many clients read no answer before
    they have sent all.
    """
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    body, received = bytearray(), 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise RefusedError(HTTPStatus.BAD_REQUEST, "the client left before its body was there")
        chunk = message.get("body", b"")
        received += len(chunk)
        if received <= MAX_BODY_BYTES:
            body += chunk
        if received > MAX_DROPPED_BYTES or not message.get("more_body", False):
            break
    if media_type != JSON_MEDIA_TYPE:
        raise RefusedError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"Content-Type must be {JSON_MEDIA_TYPE}, not {media_type!r}",
        )
    if received > MAX_BODY_BYTES:
        raise RefusedError(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body is larger than {MAX_BODY_BYTES} bytes"
        )
    return bytes(body)


def _validated(model: type[BaseModel], body: bytes) -> Validated:
    try:
        return Validated(model.model_validate_json(body), time.perf_counter())
    except ValidationError as error:
        raise _bad_request(error) from error


def _bad_request(error: ValidationError) -> RefusedError:
    detail = error.errors(include_url=False, include_context=False, include_input=False)
    del detail[MAX_DETAILS:]
    first = detail[0]
    field = ".".join(str(part) for part in first["loc"])
    message = f"{field}: {first['msg']}" if field else first["msg"]
    return RefusedError(HTTPStatus.BAD_REQUEST, message, detail)


class _ErrorShaper:
    """Pass messages on to a client; errors that are no JSON object are replaced by one."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._replaced = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] >= 400:
            headers = MutableHeaders(scope=message)
            is_json = headers.get("content-type", "").startswith(JSON_MEDIA_TYPE)
            if not is_json or message["status"] in FRAMEWORK_STATUSES:
                self._replaced = True
                await self._replace(message["status"], headers)
                return
            if message["status"] == HTTPStatus.SERVICE_UNAVAILABLE:
                headers.setdefault("Retry-After", str(RETRY_AFTER_S))
        if not self._replaced:
            await self._send(message)

    async def _replace(self, status: int, headers: Headers) -> None:
        response = error_response(status, HTTPStatus(status).phrase)
        if "allow" in headers:
            response.headers["Allow"] = headers["allow"]
        await response(self._scope, self._receive, self._send)
