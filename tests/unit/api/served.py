"""Serve a small application on a real port, and exchange raw bytes with it."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import uvicorn
from starlette.types import ASGIApp

from patches.uvicorn_protocol import BoundedProtocol
from tests.support.server import eventually

PATIENCE_S = 30
PAUSE_S = 0.2


@contextmanager
def serving(app: ASGIApp, protocol: type[BoundedProtocol] = BoundedProtocol) -> Iterator[int]:
    """Serve an application by uvicorn with one of our protocols; yield the port."""
    config = uvicorn.Config(app, http=protocol, log_config=None, timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            eventually(lambda: server.started, PATIENCE_S)
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()


@contextmanager
def connected(port: int, receive_bytes: int = 0) -> Iterator[socket.socket]:
    """Open a connection, with this receive buffer if not 0."""
    with socket.socket() as connection:
        if receive_bytes:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        connection.settimeout(PATIENCE_S)
        connection.connect(("127.0.0.1", port))
        yield connection


def ask(port: int, *pieces: bytes) -> bytes:
    """Send pieces one after the other; return all bytes until the service closes the connection."""
    with connected(port) as connection:
        for piece in pieces:
            connection.sendall(piece)
            time.sleep(PAUSE_S if len(pieces) > 1 else 0)  # so that each arrives separately
        return all_of(connection)


def all_of(connection: socket.socket) -> bytes:
    """Read until the service closes the connection."""
    parts = []
    with suppress(ConnectionError):  # reset by the service
        while part := connection.recv(1 << 16):
            parts.append(part)
    return b"".join(parts)


def statuses(received: bytes) -> list[int]:
    """Return the status of each response."""
    return [int(part[:3]) for part in received.split(b"HTTP/1.1 ")[1:]]
