"""What a client may do before there is a request: uvicorn's protocol, with bounds.

uvicorn waits for ever for the head of a first request, and takes heads of any size.
"""

import asyncio
import json
import resource
from http import HTTPStatus

from uvicorn import config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from api.errors import RETRY_AFTER_S
from api.headers import REQUEST_ID_HEADER, SECURITY_HEADERS, request_id

HEAD_DEADLINE_S = 10.0
MAX_HEAD_BYTES = 32 << 10
MAX_CONNECTIONS = 4096
DESCRIPTORS = 2 * MAX_CONNECTIONS  # files and the database's connections need some, too


class BoundedProtocol(HttpToolsProtocol):
    """One connection, whose every head comes within HEAD_DEADLINE_S and MAX_HEAD_BYTES."""

    _deadline: asyncio.TimerHandle | None = None
    _is_in_head = False
    _received_bytes = 0  # of a head that came in several parts
    _parsed_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for a head, unless there are too many connections."""
        super().connection_made(transport)
        if len(self.connections) > MAX_CONNECTIONS:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, "there are too many connections")
        else:
            self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came; it is the parser that tells where a head begins and ends."""
        super().data_received(data)
        if self._is_in_head and not self.transport.is_closing():
            self._received_bytes += len(data)
            if self._is_too_large():
                self._refuse_head()

    def on_message_begin(self) -> None:
        """Begin to count."""
        self._is_in_head = True
        self._received_bytes = self._parsed_bytes = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Count a part of the URL."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count a header."""
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Begin the request."""
        self._is_in_head = False
        self._stop_waiting()
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        """Wait for the next head, and the rest of a body that nobody wants."""
        has_next = bool(self.pipeline)
        super().on_response_complete()
        if not has_next and not self.transport.is_closing():
            self._await_head()

    def send_400_response(self, msg: str) -> None:
        """Refuse what cannot be parsed, in the one shape of errors."""
        self._refuse_head()

    def _should_upgrade_to_ws(self) -> bool:
        return False

    def _await_head(self) -> None:
        self._stop_waiting()
        self._deadline = self.loop.call_later(HEAD_DEADLINE_S, self._be_late)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _be_late(self) -> None:
        if not self._is_in_head:  # nothing was begun
            self.transport.close()
        else:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, "the request took too long to arrive")

    def _count(self, size: int) -> None:
        self._parsed_bytes += size
        if self._is_too_large():
            raise ValueError("too large")  # which stops the parser

    def _is_too_large(self) -> bool:
        return max(self._received_bytes, self._parsed_bytes) > MAX_HEAD_BYTES

    def _refuse_head(self) -> None:
        if self._is_too_large():
            status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            self._refuse(status, f"URL and headers are larger than {MAX_HEAD_BYTES} bytes")
        else:
            self._refuse(HTTPStatus.BAD_REQUEST, "the request is not valid HTTP")

    def _refuse(self, status: HTTPStatus, error: str) -> None:
        self._stop_waiting()
        body = json.dumps({"error": error}).encode()
        headers = {
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            "Connection": "close",
            REQUEST_ID_HEADER: request_id(),
            **SECURITY_HEADERS,
        }
        if status is HTTPStatus.SERVICE_UNAVAILABLE:
            headers["Retry-After"] = str(RETRY_AFTER_S)
        lines = [f"{name}: {value}\r\n".encode() for name, value in headers.items()]
        self.transport.write(b"".join([STATUS_LINE[status], *lines, b"\r\n", body]))
        self.transport.close()


def bound_connections() -> None:
    """Have the servers that are started from now on in this process use it."""
    config.HTTP_PROTOCOLS["auto"] = f"{__name__}:{BoundedProtocol.__name__}"


def raise_descriptor_limit() -> None:
    """Let this process and its children hold as many connections as they accept."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(DESCRIPTORS, hard)
    if soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
