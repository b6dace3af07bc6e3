"""Responses on their way out: common headers, JSON errors, a log line and a count."""

import logging
from collections.abc import Mapping
from http import HTTPStatus

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import Message, Receive, Scope, Send

from api.contract.errors import RETRY_AFTER_S, ApiError
from api.http.body_reader import JSON_MEDIA_TYPE
from api.http.cors import Cors
from api.http.headers import REQUEST_ID_HEADER, add_common_headers, request_id
from api.http.log import rate_limited_logger
from api.http.metrics import NOT_COUNTED, count_response

# The router returns these, not an endpoint. It redirects a path that only a slash at the end makes
# wrong, to the host that the request names.
ROUTER_STATUSES: Mapping[int, int] = {
    HTTPStatus.NOT_FOUND: HTTPStatus.NOT_FOUND,
    HTTPStatus.METHOD_NOT_ALLOWED: HTTPStatus.METHOD_NOT_ALLOWED,
    HTTPStatus.TEMPORARY_REDIRECT: HTTPStatus.NOT_FOUND,
}
# Part of BentoML's JSON error for an unexpected exception.
BENTOML_MESSAGE = b"please check the server log"

logger = logging.getLogger("bentoml.sentiment.api")
unauthorized = rate_limited_logger("bentoml.sentiment.unauthorized")
unavailable = rate_limited_logger("bentoml.sentiment.unavailable")


class ResponseNormalizer:
    """An ASGI ``send`` that adds our headers, and replaces errors that are not our JSON object."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, cors: Cors) -> None:
        headers = Headers(scope=scope)
        self._scope = scope
        self._receive = receive
        self._send = send
        self._cors = cors
        self._origin = headers.get("origin", "")
        self._has_started = False
        self._is_replaced = False
        self._held: Message | None = None  # the start of a 5xx, until its body is known
        self.request_id = request_id(headers.get(REQUEST_ID_HEADER, ""))

    async def __call__(self, message: Message) -> None:
        """Send a message of the application."""
        if self._is_replaced:
            return
        if message["type"] == "http.response.start" and message["status"] >= 300:
            status, headers = message["status"], MutableHeaders(scope=message)
            is_json = headers.get("content-type", "").startswith(JSON_MEDIA_TYPE)
            if status in ROUTER_STATUSES or (status >= 400 and not is_json):
                await self._replace(ROUTER_STATUSES.get(status, status), headers)
                return
            if status == HTTPStatus.SERVICE_UNAVAILABLE:
                headers.setdefault("Retry-After", str(RETRY_AFTER_S))
            if status >= 500:
                self._held = message
                return
        if self._held is not None:
            held, self._held = self._held, None
            if BENTOML_MESSAGE in message.get("body", b""):
                await self._replace(held["status"], MutableHeaders())
                return
            await self._forward(held)
        await self._forward(message)

    async def send_error(self, status: HTTPStatus) -> None:
        """Send an error, unless a response has started."""
        if not self._has_started:
            await self._send_error(status, MutableHeaders())

    async def _replace(self, status: int, headers: MutableHeaders) -> None:
        self._is_replaced = True
        await self._send_error(status, headers)

    async def _send_error(self, status: int, headers: MutableHeaders) -> None:
        response = ApiError(status, HTTPStatus(status).phrase).to_response()
        if "allow" in headers:
            response.headers["Allow"] = headers["allow"]
        await response(self._scope, self._receive, self._forward)

    async def _forward(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._has_started = True
            self._log(message["status"])
            if self._scope["path"] not in NOT_COUNTED:
                count_response(message["status"])
            headers = add_common_headers(message["headers"], self.request_id)
            message["headers"] = self._cors.add_headers(headers, self._origin)
        await self._send(message)

    def _log(self, status: int) -> None:
        """Log 5xx and 401; other client errors are only in the response."""
        if status >= 500 or status == HTTPStatus.UNAUTHORIZED:
            server_errors = unavailable if status == HTTPStatus.SERVICE_UNAVAILABLE else logger
            log = server_errors.warning if status >= 500 else unauthorized.info
            method, path = self._scope["method"], self._scope["path"]
            log("request %s: %s %.100r returned %d", self.request_id, method, path, status)
