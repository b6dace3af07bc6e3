"""uvicorn's HTTP protocol with limits on what a client may do before and around its requests.

uvicorn waits without a timeout for the first request's headers and for a client to read its
response, takes headers of any size, and any number of pipelined requests at once.
"""

import asyncio
from collections.abc import Collection
from functools import partial
from http import HTTPStatus
from typing import Any

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from api.contract.errors import SHUTTING_DOWN, ApiError
from api.http.headers import REQUEST_ID_HEADER, RawHeaders, add_common_headers, request_id
from api.http.log import rate_limited_logger
from api.http.metrics import count_response
from api.http.middleware import STATE, ApiMiddleware

HEADER_TIMEOUT_S = 10.0
WRITE_TIMEOUT_S = 10.0
MAX_HEADER_BYTES = 32 << 10
BYTES_PER_HEADER = 4  # besides name and value
MAX_PIPELINED = 16
MAX_CONNECTIONS = 4096

INVALID_HTTP = ApiError(HTTPStatus.BAD_REQUEST, "the request is not valid HTTP")
HEADER_TIMEOUT = ApiError(HTTPStatus.REQUEST_TIMEOUT, "the request took too long to arrive")
NO_PROXY = ApiError(HTTPStatus.BAD_REQUEST, "this server is not a proxy")
TOO_MANY_CONNECTIONS = ApiError(HTTPStatus.SERVICE_UNAVAILABLE, "there are too many connections")

logger = rate_limited_logger("bentoml.sentiment.connections")


class BoundedFlow(FlowControl):
    """Flow control that reads nothing while requests wait, and drops clients that do not read.

    uvicorn resumes reading after each response, however many requests wait, and waits forever for
    a client to read its response.
    """

    def __init__(self, transport: asyncio.Transport, pipeline: Collection[object]) -> None:
        """Watch a connection and its waiting requests."""
        super().__init__(transport)
        self._pipeline = pipeline
        self._timeout: asyncio.TimerHandle | None = None

    def resume_reading(self) -> None:
        """Resume reading, unless requests wait."""
        if not self._pipeline:
            super().resume_reading()

    def pause_writing(self) -> None:
        """Pause writing, for at most WRITE_TIMEOUT_S."""
        super().pause_writing()
        self._start_timeout()

    def resume_writing(self) -> None:
        """Resume writing; the timeout of a closing connection goes on until all is read."""
        if not self._transport.is_closing():
            self.cancel_timeout()
        super().resume_writing()

    def close(self) -> None:
        """Close the connection, after WRITE_TIMEOUT_S even if the client has not read all."""
        self._transport.close()
        if self._transport.get_write_buffer_size():
            self._start_timeout()

    def cancel_timeout(self) -> None:
        """Cancel the timeout, if one runs."""
        if self._timeout is not None:
            self._timeout.cancel()
            self._timeout = None

    def _start_timeout(self) -> None:
        if self._timeout is None:
            loop = asyncio.get_running_loop()
            self._timeout = loop.call_later(WRITE_TIMEOUT_S, self._transport.abort)


class BoundedProtocol(HttpToolsProtocol):
    """One connection; each request's headers arrive within HEADER_TIMEOUT_S, MAX_HEADER_BYTES."""

    flow: BoundedFlow
    _timeout: asyncio.TimerHandle | None = None
    _is_in_head = False
    _header_bytes = 0
    _unparsed_bytes = 0  # received since the parser last called back
    _current: RequestResponseCycle | None = None  # being answered; uvicorn's `cycle` is the newest
    _last_error: ApiError | None = None  # sent once all earlier requests are answered

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for headers, unless there are too many connections."""
        super().connection_made(transport)
        self.flow = BoundedFlow(transport, self.pipeline)
        if len(self.connections) > MAX_CONNECTIONS:
            self._reject(TOO_MANY_CONNECTIONS)
        else:
            self._wait_for_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the timeouts, and notify the request that is being answered."""
        self._cancel_timeout()
        self.flow.cancel_timeout()
        super().connection_lost(exc)
        if self._current is not None and not self._current.response_complete:
            self._current.disconnected = True  # uvicorn notifies only the newest request
            self._current.message_event.set()

    def data_received(self, data: bytes) -> None:
        """Parse received bytes; the parser calls the ``on_...`` methods."""
        if self._last_error is not None:
            return
        self._unset_keepalive_if_required()
        self._unparsed_bytes += len(data)
        try:
            self.parser.feed_data(data)
            if self._unparsed_bytes > MAX_HEADER_BYTES:
                self._reject_in_turn(_headers_too_large())
        except HttpParserUpgrade as upgrade:
            self._ignore_upgrade(data[upgrade.args[0] :])
        except HttpParserError as error:
            reason = error.__context__  # raised by one of the methods below
            self._reject_in_turn(reason if isinstance(reason, ApiError) else INVALID_HTTP)

    def on_message_begin(self) -> None:
        """Start counting the bytes of URL and headers."""
        self._is_in_head = True
        self._header_bytes = self._unparsed_bytes = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Count a part of the URL."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count a header."""
        self._count(len(name) + len(value) + BYTES_PER_HEADER)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Start the request, unless it asks for an upgrade or too many wait."""
        if self.parser.should_upgrade():
            return
        if len(self.pipeline) >= MAX_PIPELINED:
            error = f"more than {MAX_PIPELINED} requests wait on this connection"
            raise ApiError(HTTPStatus.TOO_MANY_REQUESTS, error)
        self._is_in_head = False
        self._cancel_timeout()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Pass on a part of the body; the middleware limits its size."""
        self._unparsed_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End the request, if it was started."""
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """Wait for the next request, or send the error that ends the connection."""
        has_next = bool(self.pipeline)
        super().on_response_complete()
        if self.transport.is_closing():
            self.flow.close()
        elif self._last_error is not None and not has_next:
            self._reject(self._last_error)
        elif not has_next:
            self._wait_for_headers()

    def timeout_keep_alive_handler(self) -> None:
        """Close a connection that was idle for too long."""
        self.flow.close()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._current = cycle
        super()._start_asgi_task(cycle, partial(self._run_app, cycle, app))

    async def _run_app(
        self, cycle: RequestResponseCycle, app: Any, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Run the application; answer 503 if the worker shuts down before it has answered."""
        try:
            await app(scope, receive, send)
        except asyncio.CancelledError:  # uvicorn would log a traceback and answer 500
            if cycle.response_started:
                raise
            headers = Headers(scope=scope)
            response = SHUTTING_DOWN.to_response()
            id_of_request = request_id(headers.get(REQUEST_ID_HEADER, ""))
            response.raw_headers = self._complete(response, id_of_request, headers)
            count_response(response.status_code)
            await response(scope, receive, send)
            logger.info("request %s was rejected: %s", id_of_request, SHUTTING_DOWN)

    def _wait_for_headers(self) -> None:
        self._cancel_timeout()
        self._timeout = self.loop.call_later(HEADER_TIMEOUT_S, self._on_timeout)

    def _cancel_timeout(self) -> None:
        if self._timeout is not None:
            self._timeout.cancel()
            self._timeout = None

    def _on_timeout(self) -> None:
        if self._is_in_head:
            self._reject(HEADER_TIMEOUT)
        else:  # no request has started
            self.flow.close()

    def _count(self, size: int) -> None:
        self._header_bytes += size
        if self._header_bytes > MAX_HEADER_BYTES:
            raise _headers_too_large()  # stops the parser

    def _ignore_upgrade(self, rest: bytes) -> None:
        """Parse the request again without its ``Upgrade`` header, as RFC 9110, 7.8 permits.

        The parser takes ``rest``, which follows the headers, for the other protocol.
        """
        method = self.parser.get_method()
        if method == b"CONNECT":
            self._reject_in_turn(NO_PROXY)
            return
        lines = [b"%b %b HTTP/%b" % (method, self.url, self.parser.get_http_version().encode())]
        lines += [b"%b: %b" % header for header in self.headers if header[0] != b"upgrade"]
        self.parser = HttpRequestParser(self)  # the old one may expect no further request
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does
        self.data_received(b"\r\n".join([*lines, b"", rest]))

    def _reject_in_turn(self, error: ApiError) -> None:
        """Reject the request that is being parsed once all earlier ones are answered."""
        self._cancel_timeout()
        self._last_error = error
        if not self._is_in_head and self.cycle is not None and self.cycle.more_body:  # in its body
            self.cycle.disconnected = True  # so that the application does not answer, too
            if self.pipeline:
                self.pipeline.popleft()
            elif self.cycle.response_started:
                self.flow.close()
            else:
                self._reject(error)
        elif self._current is None or self._current.response_complete:
            self._reject(error)

    def _reject(self, error: ApiError) -> None:
        self._cancel_timeout()
        id_of_request = self._send(error)
        self.flow.close()
        logger.info("request %s was rejected: %s", id_of_request, error)

    def _send(self, error: ApiError, given_id: str = "", *, closes: bool = True) -> str:
        """Send an error without the application; return the id of the request."""
        response, id_of_request = error.to_response(), request_id(given_id)
        count_response(response.status_code)
        headers = self._complete(response, id_of_request, Headers(raw=self.headers or []))
        if closes:
            headers.append((b"connection", b"close"))
        lines = [b"%b: %b\r\n" % header for header in headers]
        start = STATUS_LINE[response.status_code]
        self.transport.write(b"".join([start, *lines, b"\r\n", bytes(response.body)]))
        return id_of_request

    def _complete(
        self, response: Response, id_of_request: str, request_headers: Headers
    ) -> RawHeaders:
        """Return a response's headers with those that the middleware would add."""
        headers = add_common_headers(response.raw_headers, id_of_request)
        api: ApiMiddleware | None = self.app_state.get(STATE)
        return api.cors.add_headers(headers, request_headers.get("origin", "")) if api else headers


def _headers_too_large() -> ApiError:
    return ApiError(
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
        f"URL and headers are larger than {MAX_HEADER_BYTES} bytes",
    )
