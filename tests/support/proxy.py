"""A TCP proxy that breaks connections in the ways a network does."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from tests.support.pace import Pace
from tests.support.server import free_port

CHUNK_BYTES = 65536
CONNECT_TIMEOUT_S = 5
ACCEPT_TIMEOUT_S = 0.05
INSERT, COMMIT, COMMITTED = b"INSERT", b"COMMIT", b"COMMIT\0"  # PostgreSQL without TLS


class Trap(Enum):
    """Where in a commit a connection is cut."""

    BEFORE_COMMIT = auto()  # the client has sent it, the server has not got it
    AFTER_COMMIT = auto()  # the server has answered it, the client has not heard of it


@dataclass(slots=True)
class Seen:
    """What a proxy has seen until now; ``swallowed_bytes`` are of answers."""

    connections: int = 0
    interrupted: int = 0
    trapped_commits: int = 0
    swallowed_bytes: int = 0


@dataclass(slots=True)
class Faults:
    """What a proxy does wrong.

    ``interrupt_in`` and ``swallow_in`` count chunks of requests down, to 0 where it is done.
    """

    is_stalled: bool = False
    delay_s: float = 0.0
    pace: Pace | None = None
    interrupt_in: int | None = None
    swallow_in: int | None = None
    trap: Trap | None = None


class Proxy:
    """Pass bytes to ``target`` and back until told otherwise; all ends with the context.

    Only traps read the bytes; all else works with encrypted connections, too.
    """

    def __init__(self, target: tuple[str, int]) -> None:
        self.port = free_port()
        self.seen = Seen()
        self._target = target
        self._faults = Faults()
        self._change = threading.Condition()  # guards faults, what was seen, and links
        self._links: set[_Link] = set()
        self._door: _Door | None = None

    def __enter__(self) -> "Proxy":
        self.restore()
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()

    def restore(self) -> None:
        """Pass all again, first what was held back; accept connections again."""
        with self._change:
            self._faults = Faults()
            self._change.notify_all()
        if self._door is None:
            self._door = _Door(self.port, self._connect)

    def cut(self) -> None:
        """Close all connections, dropping what was held back, and refuse new ones."""
        if self._door is not None:
            self._door.close()
            self._door = None
        with self._change:
            links = list(self._links)
            for link in links:
                link.shut()
            self._change.notify_all()
        for link in links:
            link.join()

    def stall(self) -> None:
        """Accept and keep connections, but hold back all bytes, and the news that a peer left."""
        with self._change:
            self._faults.is_stalled = True

    def delay(self, seconds: float) -> None:
        """Hold back each chunk of bytes for a while."""
        with self._change:
            self._faults.delay_s = seconds

    def limit(self, bytes_per_s: float) -> None:
        """Pass no more bytes of requests than that in a second, over all connections."""
        with self._change:
            self._faults.pace = Pace(bytes_per_s)

    def interrupt(self, requests: int = 0) -> None:
        """Cut the connection that sends the next chunk of requests, or one so many later; once."""
        with self._change:
            self._faults.interrupt_in = requests

    def swallow(self, requests: int = 0) -> None:
        """Drop answers, from the one to that many chunks of requests on; pass requests on."""
        with self._change:
            self._faults.swallow_in = requests

    def set_trap(self, trap: Trap) -> None:
        """Cut the next connection that commits an INSERT, once."""
        with self._change:
            self._faults.trap = trap

    def _connect(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(self._target, CONNECT_TIMEOUT_S)
        except OSError:
            client.close()
            return
        if self._faults.pace is not None:  # a slow link holds little back
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, CHUNK_BYTES)
        link = _Link(client, server)
        with self._change:
            self.seen.connections += 1
            self._links.add(link)
        link.start(self._carry)

    def _carry(self, link: "_Link") -> None:
        """Carry bytes both ways until one side or the proxy closes."""
        answers = threading.Thread(
            target=self._pump, args=[link, link.server, link.client, self._answer]
        )
        answers.start()
        self._pump(link, link.client, link.server, self._request)
        answers.join()
        with self._change:
            self._links.remove(link)
        link.close()

    def _pump(
        self,
        link: "_Link",
        source: socket.socket,
        sink: socket.socket,
        passes: Callable[["_Link", bytes], bytes | None],
    ) -> None:
        with contextlib.suppress(OSError):
            while True:
                data = source.recv(CHUNK_BYTES)
                self._hold(link)
                passed = passes(link, data) if data else None
                if passed is None:
                    break
                sink.sendall(passed)
        link.shut()
        with self._change:
            self._change.notify_all()

    def _hold(self, link: "_Link") -> None:
        time.sleep(self._faults.delay_s)
        with self._change:
            self._change.wait_for(lambda: not self._faults.is_stalled or link.is_shut)

    def _request(self, link: "_Link", data: bytes) -> bytes | None:
        """Return what of a client's bytes reaches the server, None to cut."""
        if (pace := self._faults.pace) is not None:
            pace.wait(len(data))
        link.inserts.look_at(data)
        commits = link.commits.look_at(data) and link.inserts.seen
        with self._change:
            if self._faults.swallow_in:
                self._faults.swallow_in -= 1
            if self._interrupts() or (commits and self._springs(Trap.BEFORE_COMMIT)):
                return None
            return data

    def _answer(self, link: "_Link", data: bytes) -> bytes | None:
        """Return what of a server's bytes reaches the client, None to cut."""
        committed = link.committed.look_at(data) and link.inserts.seen
        with self._change:
            if self._faults.swallow_in == 0:
                self.seen.swallowed_bytes += len(data)
                return b""
            return None if committed and self._springs(Trap.AFTER_COMMIT) else data

    def _interrupts(self) -> bool:
        if self._faults.interrupt_in is None:
            return False
        self._faults.interrupt_in -= 1
        if self._faults.interrupt_in >= 0:
            return False
        self._faults.interrupt_in = None
        self.seen.interrupted += 1
        return True

    def _springs(self, trap: Trap) -> bool:
        if self._faults.trap is not trap:
            return False
        self._faults.trap = None
        self.seen.trapped_commits += 1
        return True


class _Door:
    """Accepts connections on a port of the loopback until closed; then they are refused."""

    def __init__(self, port: int, welcome: Callable[[socket.socket], None]) -> None:
        self._listener = socket.create_server(("127.0.0.1", port))
        self._listener.settimeout(ACCEPT_TIMEOUT_S)
        self._welcome = welcome
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()

    def close(self) -> None:
        """Refuse connections from now on; whoever was accepted has been welcomed."""
        self._closing.set()
        self._thread.join()

    def _accept(self) -> None:
        with self._listener:
            while not self._closing.is_set():
                with contextlib.suppress(TimeoutError):
                    self._welcome(self._listener.accept()[0])


class _Link:
    """A client's connection and the one that the proxy opened to the server for it."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.client = client
        self.server = server
        self.is_shut = False
        self.inserts, self.commits, self.committed = map(_Watch, (INSERT, COMMIT, COMMITTED))
        self._thread: threading.Thread | None = None
        for end in (client, server):
            end.settimeout(None)
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def start(self, carry: Callable[["_Link"], None]) -> None:
        """Have a thread of its own carry its bytes."""
        self._thread = threading.Thread(target=carry, args=[self])
        self._thread.start()

    def shut(self) -> None:
        """End both connections; who waits for bytes of theirs is woken."""
        self.is_shut = True
        for end in (self.client, self.server):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def join(self) -> None:
        """Wait until nothing is carried any more."""
        if self._thread is not None:
            self._thread.join()

    def close(self) -> None:
        """Let go of both sockets."""
        self.client.close()
        self.server.close()


class _Watch:
    """Finds a word in a stream of bytes, also where it lies across two chunks."""

    def __init__(self, word: bytes) -> None:
        self.seen = False
        self._word = word
        self._tail = b""

    def look_at(self, data: bytes) -> bool:
        """Tell whether the word ends in this chunk."""
        stream = self._tail + data
        self._tail = stream[-(len(self._word) - 1) :]
        found = self._word in stream
        self.seen = self.seen or found
        return found
