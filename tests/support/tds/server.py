"""The server of the stand-in: accepts connections and logins, and answers queries."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable
from typing import TypeAlias

from tests.support.tds import requests
from tests.support.tds.answers import (
    Answer,
    Done,
    Failed,
    acknowledge,
    encode,
    encode_call,
    encode_transaction,
    finish,
    prelogin,
)
from tests.support.tds.messages import (
    ATTENTION,
    LOGIN7,
    PRELOGIN,
    RPC,
    SQL_BATCH,
    TRANSACTION,
    Channel,
)
from tests.support.tds.requests import Call, Login, Query

ENCRYPTED = 1
ATTENTION_SEEN = 0x20
LOGIN_FAILED = 18456

Respond: TypeAlias = Callable[[Query], Answer]
Admit: TypeAlias = Callable[[Login], Failed | None]


class TDSServer:
    """A server at ``host`` during the context; ``address`` is its host and port.

    ``respond`` answers queries and ``admit`` logins, None for those that are welcome; both may be
    called by several threads at once. ``logins`` and ``queries`` are what was asked until now.
    """

    def __init__(
        self,
        context: ssl.SSLContext,
        respond: Respond,
        admit: Admit = lambda _: None,
        host: str = "127.0.0.1",
    ) -> None:
        self.logins: list[Login] = []
        self.queries: list[Query] = []
        self._context = context
        self._respond = respond
        self._admit = admit
        self._listener = socket.create_server((host, 0))
        self._connections: set[socket.socket] = set()
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self.address: tuple[str, int] = (host, self._listener.getsockname()[1])

    def __enter__(self) -> "TDSServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._connections.add(connection)
                threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(EOFError, OSError):
            channel = Channel(connection)
            if self._log_in(channel):
                session = _Session(self._query)
                while True:
                    channel.send(session.answer(*channel.receive()))
        self._connections.discard(connection)

    def _log_in(self, channel: Channel) -> bool:
        while True:
            kind, content = channel.receive()
            if kind == PRELOGIN:
                channel.send(prelogin(ENCRYPTED))
                channel.start_tls(self._context)
            elif kind == LOGIN7:
                login = requests.read_login(content)
                self.logins.append(login)
                refused = self._admit(login)
                channel.send(acknowledge(login.database) if refused is None else encode(refused))
                return refused is None

    def _query(self, query: Query) -> Answer:
        self.queries.append(query)
        return self._respond(query)


class _Session:
    """A client's session with its prepared statements."""

    def __init__(self, respond: Respond) -> None:
        self._respond = respond
        self._prepared: dict[int, str] = {}

    def answer(self, kind: int, content: bytes) -> bytes:
        """Return the tokens that answer a message."""
        match kind:
            case _ if kind == SQL_BATCH:
                return encode(self._respond(requests.read_batch(content)))
            case _ if kind == TRANSACTION:
                return encode_transaction(requests.read_transaction(content))
            case _ if kind == RPC:
                return self._call(requests.read_call(content))
            case _ if kind == ATTENTION:
                return finish(0xFD, ATTENTION_SEEN)
        raise ValueError(f"messages of kind {kind} are not known here")

    def _call(self, call: Call) -> bytes:
        given = call.parameters
        match call.procedure:
            case requests.EXECUTE_SQL:
                return encode_call(self._respond(Query(str(given[0]), given[2:])))
            case requests.PREPARE:
                return encode_call(Done(), self._prepare(str(given[2])))
            case requests.PREPARE_AND_EXECUTE:
                handle = self._prepare(str(given[2]))
                return encode_call(self._respond(Query(str(given[2]), given[3:])), handle)
            case requests.EXECUTE if isinstance(given[0], int):
                return encode_call(self._respond(Query(self._prepared[given[0]], given[1:])))
            case requests.UNPREPARE:
                return encode_call(Done())
        return encode_call(self._respond(Query(f"EXEC {call.procedure}", given)))

    def _prepare(self, sql: str) -> int:
        handle = len(self._prepared) + 1
        self._prepared[handle] = sql
        return handle
