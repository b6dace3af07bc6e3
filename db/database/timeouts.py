"""Enforce timeouts that drivers ignore, by shutting down the sockets of a connection.

Microsoft's driver has no timeout for the TLS handshake and for its own queries after the login,
FreeTDS has none for COMMIT and ROLLBACK, and PostgreSQL's timeouts do not help if the network drops
all packets. A driver whose socket is shut down raises an error.
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

REPEAT_AFTER_S = 0.5
"""A driver that is connecting may open another socket after one is shut down."""

WATCHDOG, SOCKETS = "watchdog", "sockets"  # keys in the info of the pool's connection records

Endpoints: TypeAlias = tuple[tuple[str, int], tuple[str, int]]
"""Local and remote address of a socket; together they identify it."""


@dataclass(frozen=True)
class Timeouts:
    """Seconds for connecting, and for each use of a connection."""

    connect_s: int
    use_s: int


@dataclass(frozen=True)
class Peer:
    """Host and port of a server, None if unknown."""

    host: str | None = None
    port: int | None = None


class Watchdog:
    """Call ``abort`` after ``seconds``, and again every REPEAT_AFTER_S while it returns True."""

    def __init__(self, seconds: float, abort: Callable[[], bool]) -> None:
        self._seconds = seconds
        self._abort = abort
        self._cancelled = threading.Event()
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    def cancel(self) -> None:
        """Do not call ``abort`` any more."""
        self._cancelled.set()

    def _watch(self) -> None:
        wait_s = self._seconds
        while not self._cancelled.wait(wait_s) and self._abort():
            wait_s = REPEAT_AFTER_S


def enforce_psycopg_timeouts(engine: Engine, timeouts: Timeouts) -> None:
    """Limit SQLAlchemy's first queries on a connection, and each use of it."""

    def start(seconds: float, connection: Any, record: Any, *_: Any) -> None:
        was_shut_down = threading.Event()

        def abort() -> bool:
            if was_shut_down.is_set():  # the thread that waited has its error by now
                connection.close()
                return False
            was_shut_down.set()
            return _abort_connection(connection)

        _start_watchdog(record, seconds, abort)

    # inserted before SQLAlchemy's first queries
    event.listen(engine, "connect", partial(start, timeouts.connect_s), insert=True)
    event.listen(engine, "checkout", partial(start, timeouts.use_s))
    event.listen(engine, "checkin", _cancel_watchdog)


def enforce_odbc_timeouts(engine: Engine, peer: Peer, timeouts: Timeouts) -> None:
    """Limit connecting with SQLAlchemy's first queries, and each use of a connection.

    ODBC does not expose its sockets. They are those to ``peer`` that were opened meanwhile. If the
    port is unknown and several sockets to the host were opened, some may belong to other threads:
    none is shut down, and only the driver's own timeouts apply.
    """

    def connect(dialect: Any, record: Any, arguments: Any, options: Any) -> Any:
        before = set(_outgoing_sockets(peer.port))
        has_connected = threading.Event()

        def abort() -> bool:
            found = _shut_down(_opened_since(before, peer))
            return found or not has_connected.is_set()  # the driver may be about to open one

        watchdog = Watchdog(timeouts.connect_s, abort)
        try:
            connection = dialect.connect(*arguments, **options)
        except BaseException:
            watchdog.cancel()
            raise
        has_connected.set()
        _cancel_watchdog(None, record)
        record.info[WATCHDOG] = watchdog
        record.info[SOCKETS] = _opened_since(before, peer)
        return connection

    def start(_connection: Any, record: Any, *_: Any) -> None:
        sockets = record.info.get(SOCKETS, set())
        _start_watchdog(record, timeouts.use_s, lambda: _shut_down(sockets))

    event.listen(engine, "do_connect", connect)
    event.listen(engine, "checkout", start)
    event.listen(engine, "checkin", _cancel_watchdog)


def _start_watchdog(record: Any, seconds: float, abort: Callable[[], bool]) -> None:
    _cancel_watchdog(None, record)
    record.info[WATCHDOG] = Watchdog(seconds, abort)


def _cancel_watchdog(_connection: Any, record: Any) -> None:
    if (watchdog := record.info.pop(WATCHDOG, None)) is not None:
        watchdog.cancel()


def _abort_connection(connection: Any) -> bool:
    """Shut down a psycopg connection's socket; return whether it was open."""
    import psycopg  # pylint: disable=import-outside-toplevel  # takes 0.1 s

    try:
        descriptor = os.dup(connection.fileno())
    except psycopg.Error:
        return False
    with suppress(OSError), socket.socket(fileno=descriptor) as stalled:
        stalled.shutdown(socket.SHUT_RDWR)
    return True


def _outgoing_sockets(port: int | None) -> dict[Endpoints, int]:
    """Return the descriptors of this process's outgoing connections to a port, None for any."""
    import psutil  # pylint: disable=import-outside-toplevel  # takes 0.05 s, SQLite does not need it

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
        "this process's sockets cannot be listed (%s): only the database driver's own timeouts "
        "apply",
        problem,
    )


def _opened_since(before: set[Endpoints], peer: Peer) -> set[Endpoints]:
    opened = set(_outgoing_sockets(peer.port)) - before
    if peer.port is not None:
        return opened
    addresses = _resolve(peer.host)
    opened = {each for each in opened if not addresses or each[1][0] in addresses}
    return opened if len(opened) == 1 else set()


def _resolve(host: str | None) -> set[str]:
    if host is not None:
        with suppress(OSError):
            return {str(found[4][0]) for found in socket.getaddrinfo(host, None)}
    return set()


def _shut_down(sockets: set[Endpoints]) -> bool:
    """Shut these sockets down; return whether any exists."""
    found = False
    for endpoints, descriptor in _outgoing_sockets(None).items():
        if endpoints in sockets:
            with suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as stalled:
                if stalled.getpeername()[:2] == endpoints[1]:  # else the descriptor was reused
                    found = True
                    stalled.shutdown(socket.SHUT_RDWR)
    return found
