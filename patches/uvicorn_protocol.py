"""What a client may do before there is a request: uvicorn's protocol, with bounds.

uvicorn waits for ever for the head of a first request, takes heads of any size, and any number of
requests at once on one connection.
"""

import asyncio
from functools import partial
from http import HTTPStatus
from typing import Any

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
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
from patches.uvicorn_flow import BoundedFlow

HEADER_TIMEOUT_S = 10.0
MAX_HEAD_BYTES = 32 << 10
HEADER_BYTES = 4  # of a header, besides its name and its value
MAX_WAITING = 16  # requests that a client has sent before it has read its answers
MAX_CONNECTIONS = 4096

logger = rate_limited_logger("bentoml.sentiment.connections")


class BoundedProtocol(HttpToolsProtocol):
    """One connection, whose every head comes within HEADER_TIMEOUT_S and MAX_HEAD_BYTES."""

    flow: BoundedFlow
    _deadline: asyncio.TimerHandle | None = None
    _is_in_head = False
    _head_bytes = 0
    _untold_bytes = 0  # that came since the parser last told of something
    _current: RequestResponseCycle | None = None  # whose turn it is; `cycle` is the latest
    _last_answer: ApiError | None = None  # once all that came before it has its own

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for a head, unless there are too many connections."""
        super().connection_made(transport)
        self.flow = BoundedFlow(transport, self.pipeline)
        if len(self.connections) > MAX_CONNECTIONS:
            status = HTTPStatus.SERVICE_UNAVAILABLE
            self._refuse(ApiError(status, "there are too many connections"))
        else:
            self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        self._stop_waiting()
        self.flow.stop_waiting()
        super().connection_lost(exc)
        if self._current is not None and not self._current.response_complete:
            self._current.disconnected = True  # which uvicorn tells the latest alone
            self._current.message_event.set()

    def data_received(self, data: bytes) -> None:
        """Parse what came; it is the parser that tells where a head begins and ends."""
        if self._last_answer is not None:
            return
        self._unset_keepalive_if_required()
        self._untold_bytes += len(data)
        try:
            self.parser.feed_data(data)
            if self._untold_bytes > MAX_HEAD_BYTES:
                self._refuse_in_turn(_too_large())
        except HttpParserUpgrade as upgrade:
            self._stay_with_http(data[upgrade.args[0] :])
        except HttpParserError as error:
            reason = error.__context__  # what a method below has raised
            self._refuse_in_turn(reason if isinstance(reason, ApiError) else _not_http())

    def on_message_begin(self) -> None:
        """Begin to count."""
        self._is_in_head = True
        self._head_bytes = self._untold_bytes = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Count a part of the URL."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count a header."""
        self._count(len(name) + len(value) + HEADER_BYTES)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Begin the request, unless its head has to be parsed again or too many wait."""
        if self.parser.should_upgrade():
            return
        if len(self.pipeline) >= MAX_WAITING:
            error = f"more than {MAX_WAITING} requests wait on this connection"
            raise ApiError(HTTPStatus.TOO_MANY_REQUESTS, error)
        self._is_in_head = False
        self._stop_waiting()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of the body, whose size is not this protocol's affair."""
        self._untold_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End the request, if it was begun."""
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """Wait for the next head, and the rest of a body that nobody wants."""
        has_next = bool(self.pipeline)
        super().on_response_complete()
        if self.transport.is_closing():
            self.flow.close()
        elif self._last_answer is not None and not has_next:
            self._refuse(self._last_answer)
        elif not has_next:
            self._await_head()

    def timeout_keep_alive_handler(self) -> None:
        """Close a connection that was idle for long enough."""
        self.flow.close()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._current = cycle
        super()._start_asgi_task(cycle, partial(self._answer_at_the_end, cycle, app))

    async def _answer_at_the_end(
        self, cycle: RequestResponseCycle, app: Any, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Have a request answered, also where the worker ends before that is done."""
        try:
            await app(scope, receive, send)
        except asyncio.CancelledError:  # by uvicorn, which would log a traceback and answer 500
            if cycle.response_started:
                raise
            headers = Headers(scope=scope)
            response, name = (
                SHUTTING_DOWN.to_response(),
                request_id(headers.get(REQUEST_ID_HEADER, "")),
            )
            response.raw_headers = self._complete(response, name, headers)
            count_response(response.status_code)
            await response(scope, receive, send)
            logger.info("request %s was refused: %s", name, SHUTTING_DOWN.error)

    def _await_head(self) -> None:
        self._stop_waiting()
        self._deadline = self.loop.call_later(HEADER_TIMEOUT_S, self._be_late)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _be_late(self) -> None:
        if not self._is_in_head:  # nothing was begun
            self.flow.close()
        else:
            status = HTTPStatus.REQUEST_TIMEOUT
            self._refuse(ApiError(status, "the request took too long to arrive"))

    def _count(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > MAX_HEAD_BYTES:
            raise _too_large()  # which stops the parser

    def _stay_with_http(self, rest: bytes) -> None:
        """Parse a head again without its wish for another protocol, which nobody has to grant.

        See RFC 9110, section 7.8. The parser takes what follows for that protocol.
        """
        method = self.parser.get_method()
        if method == b"CONNECT":
            self._refuse_in_turn(ApiError(HTTPStatus.BAD_REQUEST, "this is no proxy"))
            return
        lines = [b"%b %b HTTP/%b" % (method, self.url, self.parser.get_http_version().encode())]
        lines += [b"%b: %b" % header for header in self.headers if header[0] != b"upgrade"]
        self.parser = HttpRequestParser(self)  # the other one may take this request for the last
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does
        self.data_received(b"\r\n".join([*lines, b"", rest]))

    def _refuse_in_turn(self, refused: ApiError) -> None:
        """Refuse what was being parsed, once all that came before it has its answer."""
        self._stop_waiting()
        self._last_answer = refused
        if not self._is_in_head and self.cycle is not None and self.cycle.more_body:  # it is a body
            self.cycle.disconnected = True  # nobody is to answer it but this
            if self.pipeline:
                self.pipeline.popleft()
            elif self.cycle.response_started:
                self.flow.close()
            else:
                self._refuse(refused)
        elif self._current is None or self._current.response_complete:
            self._refuse(refused)

    def _refuse(self, refused: ApiError) -> None:
        self._stop_waiting()
        id_of_request = self._send(refused)
        self.flow.close()
        logger.info("request %s was refused: %s", id_of_request, refused)

    def _send(self, refused: ApiError, given_id: str = "", *, closes: bool = True) -> str:
        """Send a refusal, past all applications; return the id that it names."""
        response, id_of_request = refused.to_response(), request_id(given_id)
        count_response(response.status_code)
        headers = self._complete(response, id_of_request, Headers(raw=self.headers or []))
        if closes:
            headers.append((b"connection", b"close"))
        lines = [b"%b: %b\r\n" % header for header in headers]
        start = STATUS_LINE[response.status_code]
        self.transport.write(b"".join([start, *lines, b"\r\n", bytes(response.body)]))
        return id_of_request

    def _complete(self, response: Response, id_of_request: str, asked: Headers) -> RawHeaders:
        """Return all headers of a refusal that no application has seen, given the request's."""
        headers = add_common_headers(response.raw_headers, id_of_request)
        api: ApiMiddleware | None = self.app_state.get(STATE)
        return api.cors.add_headers(headers, asked.get("origin", "")) if api else headers


def _too_large() -> ApiError:
    return ApiError(
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
        f"URL and headers are larger than {MAX_HEAD_BYTES} bytes",
    )


def _not_http() -> ApiError:
    return ApiError(HTTPStatus.BAD_REQUEST, "the request is not valid HTTP")
