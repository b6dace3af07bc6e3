"""Connections that do what no HTTP library does."""

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

PATIENCE_S = 30


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: status 0 where the service hung up without a word."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def error(self) -> Any:
        """Return what the body says is wrong."""
        return json.loads(self.body)["error"]

    @classmethod
    def of(cls, received: bytes) -> "Reply":
        """Read one answer."""
        start, _, body = received.partition(b"\r\n\r\n")
        if not start:
            return cls(0, {}, b"")
        first, *lines = start.decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines)
        return cls(int(first.split()[1]), headers, body)


def head(method: str = "POST", path: str = "/predict", **headers: str | int) -> bytes:
    """Return the head of a request with the key, underscores standing for dashes."""
    named = {"host": "test", "x-api-key": KEY, "content-type": "application/json"} | {
        name.replace("_", "-"): str(value) for name, value in headers.items()
    }
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in named.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def posted(body: bytes, path: str = "/predict") -> bytes:
    """Return a whole request."""
    return head(path=path, content_length=len(body), connection="close") + body


@contextmanager
def connected(
    server: Server, count: int, receive_bytes: int | None = None
) -> Iterator[list[socket.socket]]:
    """Open so many connections, each of which takes in so many bytes unread; all are closed."""
    with ExitStack() as stack:
        connections = [stack.enter_context(socket.socket()) for _ in range(count)]
        for connection in connections:
            connection.settimeout(PATIENCE_S)
            if receive_bytes is not None:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
            connection.connect(("127.0.0.1", server.port))
        yield connections


def ask(server: Server, sent: bytes) -> Reply:
    """Send bytes on a connection of their own, and read until the service hangs up."""
    with connected(server, 1) as (connection,):
        with suppress(OSError):  # it may have heard enough
            connection.sendall(sent)
        return Reply.of(_all_of(connection))


def dribble(connections: Sequence[socket.socket], start: bytes, drop: bytes) -> list[Reply]:
    """Send a start on all, then drop by drop until the service has hung up on each."""
    selector = selectors.DefaultSelector()
    received = dict.fromkeys(connections, b"")
    for connection in connections:
        connection.sendall(start)
        connection.setblocking(False)
        selector.register(connection, selectors.EVENT_READ)
    ends_s = time.monotonic() + PATIENCE_S
    while selector.get_map() and time.monotonic() < ends_s:
        for key, _ in selector.select(timeout=0.5):
            connection: Any = key.fileobj
            if not (more := _some_of(connection)):
                selector.unregister(connection)
            received[connection] += more
        for key in list(selector.get_map().values()):
            _try_to_send(key.fileobj, drop)
    assert not selector.get_map(), f"{len(selector.get_map())} connections are still open"
    return [Reply.of(each) for each in received.values()]


def _try_to_send(connection: Any, drop: bytes) -> None:
    with suppress(OSError):  # what it has answered is read next
        connection.send(drop)


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
