"""The outermost layer: nothing malformed comes in, nothing unshaped goes out."""

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
JSON_MEDIA_TYPE = "application/json"
# No endpoint answers these: they come from the router, in the router's words.
FRAMEWORK_STATUSES = (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED)


class RefusedError(Exception):
    """A request is refused with an HTTP status before it reaches an endpoint."""

    def __init__(self, status: int, error: str, detail: Sequence[Any] = ()) -> None:
        super().__init__(error)
        self.response = error_response(status, error, detail)


class Guard:
    """ASGI middleware: validate bodies on the way in, shape errors on the way out."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what is refused; pass on the rest, its body validated, in ``scope``."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        model = BODIES.get(scope["path"]) if scope["method"] == "POST" else None
        if model is not None:
            try:
                scope[VALIDATED] = await _validated(model, Headers(scope=scope), receive)
            except RefusedError as refused:
                await refused.response(scope, receive, send)
                return
        await self._app(scope, receive, _ErrorShaper(scope, receive, send))


async def _validated(model: type[BaseModel], headers: Headers, receive: Receive) -> Validated:
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != JSON_MEDIA_TYPE:
        raise RefusedError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"Content-Type must be {JSON_MEDIA_TYPE}, not {media_type!r}",
        )
    body = await _body(receive, headers.get("content-length", "0"))
    try:
        return Validated(model.model_validate_json(body), time.perf_counter())
    except ValidationError as error:
        raise _bad_request(error) from error


async def _body(receive: Receive, declared_length: str) -> bytes:
    """Read the body, counting; a lying or missing Content-Length changes nothing."""
    too_large = RefusedError(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body is larger than {MAX_BODY_BYTES} bytes"
    )
    if declared_length.isdigit() and int(declared_length) > MAX_BODY_BYTES:
        raise too_large
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise RefusedError(HTTPStatus.BAD_REQUEST, "the client left before its body was there")
        body += message.get("body", b"")
        if len(body) > MAX_BODY_BYTES:
            raise too_large
        if not message.get("more_body", False):
            return bytes(body)


def _bad_request(error: ValidationError) -> RefusedError:
    detail = error.errors(include_url=False, include_context=False, include_input=False)
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
            if message["status"] in (429, 503):
                headers.setdefault("Retry-After", str(RETRY_AFTER_S))
        if not self._replaced:
            await self._send(message)

    async def _replace(self, status: int, headers: Headers) -> None:
        response = error_response(status, HTTPStatus(status).phrase)
        if "allow" in headers:
            response.headers["Allow"] = headers["allow"]
        await response(self._scope, self._receive, self._send)
