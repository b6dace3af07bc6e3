"""A keep-alive HTTP connection for the load generator.

It shares the processor with the service, so it does as little as possible: requests are ready-made
bytes, and of an answer only the status is read.
"""

import asyncio
import re

HEAD_END = b"\r\n\r\n"
CONTENT_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
STATUS = slice(9, 12)  # of "HTTP/1.1 200 OK"


class Connection(asyncio.Protocol):
    """A connection with one request at a time."""

    def __init__(self) -> None:
        self._received = b""
        self._transport: asyncio.Transport | None = None
        self._status: asyncio.Future[int] | None = None

    @classmethod
    async def open(cls, host: str, port: int) -> "Connection":
        """Connect. Raises OSError if nothing listens."""
        _, connection = await asyncio.get_running_loop().create_connection(cls, host, port)
        return connection

    @property
    def is_open(self) -> bool:
        """Return whether the server has kept the connection; many close it when idle."""
        return self._transport is not None

    async def send(self, request: bytes) -> int:
        """Send a request; return the status once the whole answer has arrived.

        Raises ConnectionError if the server closes the connection, ValueError if the answer has no
        Content-Length.
        """
        if self._transport is None:
            raise ConnectionResetError("the server closed the connection")
        self._status = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._status

    def close(self) -> None:
        """Abort the connection."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = transport  # type: ignore[assignment]  # TCP gives an asyncio.Transport

    def data_received(self, data: bytes) -> None:
        """Complete `send` once the answer is whole."""
        self._received += data
        try:
            status = status_of(self._received)
        except ValueError as error:
            self._fail(error)
            return
        if status is not None and self._status is not None:
            self._received = b""
            self._status.set_result(status)
            self._status = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail the pending `send`."""
        self._transport = None
        self._fail(exc or ConnectionResetError("the server closed the connection"))

    def _fail(self, error: Exception) -> None:
        if self._status is not None and not self._status.done():
            self._status.set_exception(error)
        self._status = None


def post(host: str, path: str, body: bytes) -> bytes:
    """Return the bytes of a request with a JSON body."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode("ascii") + body


def status_of(received: bytes) -> int | None:
    """Return the status of an answer, None if it is incomplete.

    Raises ValueError if it has no Content-Length.
    """
    head, end, body = received.partition(HEAD_END)
    if not end:
        return None
    length = CONTENT_LENGTH.search(head)
    if length is None:
        raise ValueError(f"an answer without Content-Length: {head!r}")
    return int(head[STATUS]) if len(body) >= int(length[1]) else None
