"""Raw connections, for requests that no HTTP library sends."""

import json
import selectors
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from tests.security.conftest import KEY
from tests.support.server import Server

TIMEOUT_S = 30


@dataclass(frozen=True, slots=True)
class Reply:
    """A response; status 0 if the service closed the connection without one."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def error(self) -> Any:
        """Return the error message of the body."""
        return json.loads(self.body)["error"]

    @classmethod
    def of(cls, received: bytes) -> "Reply":
        """Parse one response."""
        start, _, body = received.partition(b"\r\n\r\n")
        if not start:
            return cls(0, {}, b"")
        first, *lines = start.decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines)
        return cls(int(first.split()[1]), headers, body)


def head(method: str = "POST", path: str = "/predict", **headers: str | int) -> bytes:
    """Return the head of a request with the key, with underscores for dashes."""
    named = {"host": "test", "x-api-key": KEY, "content-type": "application/json"} | {
        name.replace("_", "-"): str(value) for name, value in headers.items()
    }
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in named.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def posted(body: bytes, path: str = "/predict") -> bytes:
    """Return a complete POST request."""
    return head(path=path, content_length=len(body), connection="close") + body


@contextmanager
def connected(
    server: Server, count: int, receive_bytes: int | None = None
) -> Iterator[list[socket.socket]]:
    """Open connections with this receive buffer, and close them in the end."""
    with ExitStack() as stack:
        connections = [stack.enter_context(socket.socket()) for _ in range(count)]
        for connection in connections:
            connection.settimeout(TIMEOUT_S)
            if receive_bytes is not None:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
            connection.connect(("127.0.0.1", server.port))
        yield connections


def exchange(server: Server, sent: bytes) -> Reply:
    """Send bytes on a new connection, and read until the service closes it."""
    with connected(server, 1) as (connection,):
        with suppress(OSError):  # the service may have closed the connection
            connection.sendall(sent)
        return Reply.of(_all_of(connection))


def send_slowly(connections: Sequence[socket.socket], start: bytes, piece: bytes) -> list[Reply]:
    """Send a start on all, then one piece at a time until the service has closed each."""
    selector = selectors.DefaultSelector()
    received = dict.fromkeys(connections, b"")
    for connection in connections:
        connection.sendall(start)
        connection.setblocking(False)
        selector.register(connection, selectors.EVENT_READ)
    ends_s = time.monotonic() + TIMEOUT_S
    while selector.get_map() and time.monotonic() < ends_s:
        for key, _ in selector.select(timeout=0.5):
            connection: Any = key.fileobj
            if not (more := _some_of(connection)):
                selector.unregister(connection)
            received[connection] += more
        for key in list(selector.get_map().values()):
            _try_to_send(key.fileobj, piece)
    assert not selector.get_map(), f"{len(selector.get_map())} connections are still open"
    return [Reply.of(each) for each in received.values()]


def _try_to_send(connection: Any, piece: bytes) -> None:
    with suppress(OSError):  # its response is read next
        connection.send(piece)


def _some_of(connection: socket.socket) -> bytes:
    try:
        return connection.recv(1 << 16)
    except ConnectionError:
        return b""


def _all_of(connection: socket.socket) -> bytes:
    parts = []
    while part := _some_of(connection):
        parts.append(part)
    return b"".join(parts)
