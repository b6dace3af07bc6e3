"""End what a database does not answer in time, also if its driver would wait forever.

The timeouts of a driver do not bound all its waits: Microsoft's has none for the TLS handshake and
for the questions that it asks itself after the login, FreeTDS none for COMMIT and ROLLBACK. Once
their socket is shut down, all of them return an error.
"""

import logging
import os
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, TypeAlias

from sqlalchemy import Engine, event

logger = logging.getLogger(__name__)

AGAIN_AFTER_S = 0.5
"""While it connects, a driver may open another socket if one is shut down."""

DEADLINE, SOCKETS = "deadline", "sockets"  # where the pool's record of a connection has them

Ends: TypeAlias = tuple[tuple[str, int], tuple[str, int]]
"""The local and the remote address of a socket: no two sockets have both in common."""


class Deadline:
    """Call ``cut`` after ``seconds``, and again every AGAIN_AFTER_S.

    That ends if ``cut`` returns that nothing is left to cut, or if the deadline is cancelled.
    """

    def __init__(self, seconds: float, cut: Callable[[], bool]) -> None:
        self._seconds = seconds
        self._cut = cut
        self._cancelled = threading.Event()
        threading.Thread(target=self._watch, name="deadline", daemon=True).start()

    def cancel(self) -> None:
        """Cut nothing from now on."""
        self._cancelled.set()

    def _watch(self) -> None:
        wait_s = self._seconds
        while not self._cancelled.wait(wait_s) and self._cut():
            wait_s = AGAIN_AFTER_S


def bound_postgresql(engine: Engine, connect_s: float, use_s: float) -> None:
    """Bound SQLAlchemy's first questions, and each use of a connection.

    The server's own timeouts do not end the wait for a network that swallows everything.
    """

    def start(seconds: float, connection: Any, record: Any, *_: Any) -> None:
        was_shut = threading.Event()

        def cut() -> bool:
            if was_shut.is_set():  # the thread that waited has its error: else nobody closes it
                connection.close()
                return False
            was_shut.set()
            return _hang_up(connection)

        _set(record, Deadline(seconds, cut))

    # inserted before SQLAlchemy's questions
    event.listen(engine, "connect", partial(start, connect_s), insert=True)
    event.listen(engine, "checkout", partial(start, use_s))
    event.listen(engine, "checkin", _cancel)


@dataclass(frozen=True)
class Peer:
    """Where a connection goes, as far as that is known before."""

    host: str | None = None
    port: int | None = None


def bound_odbc(engine: Engine, peer: Peer, connect_s: float, use_s: float) -> None:
    """Bound connecting, SQLAlchemy's first questions included, and each use of a connection.

    ODBC does not tell which sockets a connection has. They are those to ``peer`` that were opened
    meanwhile. If its port is not known, other threads may open some to the same host: if there are
    several, none is shut down, and only the driver's own timeouts hold.
    """

    def connect(dialect: Any, record: Any, arguments: Any, options: Any) -> Any:
        before = set(_outgoing(peer.port))
        has_connected = threading.Event()

        def cut() -> bool:
            is_cut = _shut(_opened_since(before, peer))
            return is_cut or not has_connected.is_set()  # the driver may be about to open one

        deadline = Deadline(connect_s, cut)
        try:
            connection = dialect.connect(*arguments, **options)
        except BaseException:
            deadline.cancel()
            raise
        has_connected.set()
        _set(record, deadline)
        record.info[SOCKETS] = _opened_since(before, peer)
        return connection

    def start(_connection: Any, record: Any, *_: Any) -> None:
        sockets = record.info.get(SOCKETS, set())
        _set(record, Deadline(use_s, lambda: _shut(sockets)))

    event.listen(engine, "do_connect", connect)
    event.listen(engine, "checkout", start)
    event.listen(engine, "checkin", _cancel)


def _set(record: Any, deadline: Deadline) -> None:
    _cancel(None, record)
    record.info[DEADLINE] = deadline


def _cancel(_connection: Any, record: Any) -> None:
    if (deadline := record.info.pop(DEADLINE, None)) is not None:
        deadline.cancel()


def _hang_up(connection: Any) -> bool:
    """Shut a psycopg connection's socket down; return whether it was open."""
    import psycopg  # pylint: disable=import-outside-toplevel  # 0.1 s that others need not wait

    try:
        descriptor = os.dup(connection.fileno())
    except psycopg.Error:
        return False
    with suppress(OSError), socket.socket(fileno=descriptor) as stalled:
        stalled.shutdown(socket.SHUT_RDWR)
    return True


def _outgoing(port: int | None) -> dict[Ends, int]:
    """Return the sockets that this process has connected to a port, or to any, with descriptors."""
    import psutil  # pylint: disable=import-outside-toplevel  # 0.05 s that SQLite need not wait

    try:
        sockets = psutil.Process().net_connections("tcp")
    except (psutil.Error, OSError) as error:
        _warn_once(f"{type(error).__name__}: {error}")
        return {}
    listening = {each.laddr.port for each in sockets if each.status == psutil.CONN_LISTEN}
    return {
        (tuple(each.laddr), tuple(each.raddr)): each.fd
        for each in sockets
        if each.raddr and each.laddr.port not in listening and port in (None, each.raddr.port)
    }


@cache
def _warn_once(problem: str) -> None:
    logger.warning(
        "the sockets of this process cannot be listed (%s): only the driver's own timeouts hold",
        problem,
    )


def _opened_since(before: set[Ends], peer: Peer) -> set[Ends]:
    opened = set(_outgoing(peer.port)) - before
    if peer.port is not None:
        return opened
    hosts = _addresses(peer.host)
    opened = {ends for ends in opened if not hosts or ends[1][0] in hosts}
    return opened if len(opened) == 1 else set()


def _addresses(host: str | None) -> set[str]:
    """Return the addresses of a host, none if it is not known."""
    if host is None:
        return set()
    with suppress(OSError):
        return {str(found[4][0]) for found in socket.getaddrinfo(host, None)}
    return set()


def _shut(which: set[Ends]) -> bool:
    """Shut those sockets down; return whether there are any."""
    is_there = False
    for ends, descriptor in _outgoing(None).items():
        if ends in which:
            with suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as stalled:
                if stalled.getpeername()[:2] == ends[1]:  # else the descriptor is another's by now
                    is_there = True
                    stalled.shutdown(socket.SHUT_RDWR)
    return is_there
