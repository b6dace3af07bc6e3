"""A TCP proxy with the faults of a network."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from tests.support.rate_limit import RateLimit
from tests.support.server import free_port

CHUNK_BYTES = 65536
CONNECT_TIMEOUT_S = 5
ACCEPT_TIMEOUT_S = 0.05
INSERT, COMMIT, COMMITTED = b"INSERT", b"COMMIT", b"COMMIT\0"  # PostgreSQL without TLS


class Trap(Enum):
    """Where in a commit a connection is cut."""

    BEFORE_COMMIT = auto()  # sent by the client, not received by the server
    AFTER_COMMIT = auto()  # answered by the server, not received by the client


@dataclass(slots=True)
class Seen:
    """Counts of a proxy; ``dropped_bytes`` are of answers."""

    connections: int = 0
    interrupted: int = 0
    trapped_commits: int = 0
    dropped_bytes: int = 0


@dataclass(slots=True)
class Faults:
    """The faults of a proxy.

    ``interrupt_in`` and ``drop_in`` count chunks of requests down to the fault.
    """

    is_stalled: bool = False
    delay_s: float = 0.0
    rate_limit: RateLimit | None = None
    interrupt_in: int | None = None
    drop_in: int | None = None
    trap: Trap | None = None


class Proxy:
    """Forwards bytes to ``target`` and back, with faults on request; a context manager.

    Only traps read the bytes; everything else works with encrypted connections, too.
    """

    def __init__(self, target: tuple[str, int]) -> None:
        self.port = free_port()
        self.seen = Seen()
        self._target = target
        self._faults = Faults()
        self._change = threading.Condition()  # guards faults, counts and links
        self._links: set[_Link] = set()
        self._listening: _Listener | None = None

    def __enter__(self) -> "Proxy":
        self.restore()
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()

    def restore(self) -> None:
        """End all faults: forward what was held back, and accept connections again."""
        with self._change:
            self._faults = Faults()
            self._change.notify_all()
        if self._listening is None:
            self._listening = _Listener(self.port, self._connect)

    def cut(self) -> None:
        """Close all connections, drop what was held back, and refuse new connections."""
        if self._listening is not None:
            self._listening.close()
            self._listening = None
        with self._change:
            links = list(self._links)
            for link in links:
                link.shut()
            self._change.notify_all()
        for link in links:
            link.join()

    def stall(self) -> None:
        """Accept and keep connections, but hold back all bytes and disconnections."""
        with self._change:
            self._faults.is_stalled = True

    def delay(self, seconds: float) -> None:
        """Hold back each chunk of bytes for a while."""
        with self._change:
            self._faults.delay_s = seconds

    def limit(self, bytes_per_s: float) -> None:
        """Limit the bytes of requests per second, over all connections."""
        with self._change:
            self._faults.rate_limit = RateLimit(bytes_per_s)

    def interrupt(self, requests: int = 0) -> None:
        """Cut the connection that sends the next chunk of requests, or one later, once."""
        with self._change:
            self._faults.interrupt_in = requests

    def drop_answers(self, requests: int = 0) -> None:
        """Drop all answers after ``requests`` more chunks of requests; still forward requests."""
        with self._change:
            self._faults.drop_in = requests

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
        if self._faults.rate_limit is not None:  # a slow link buffers little
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, CHUNK_BYTES)
        link = _Link(client, server)
        with self._change:
            self.seen.connections += 1
            self._links.add(link)
        link.start(self._forward)

    def _forward(self, link: "_Link") -> None:
        """Forward bytes both ways until one side or the proxy closes."""
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
        """Return the bytes of a client that reach the server, None to cut."""
        if (rate_limit := self._faults.rate_limit) is not None:
            rate_limit.wait(len(data))
        link.inserts.feed(data)
        commits = link.commits.feed(data) and link.inserts.seen
        with self._change:
            if self._faults.drop_in:
                self._faults.drop_in -= 1
            if self._interrupts() or (commits and self._is_trapped(Trap.BEFORE_COMMIT)):
                return None
            return data

    def _answer(self, link: "_Link", data: bytes) -> bytes | None:
        """Return the bytes of a server that reach the client, None to cut."""
        committed = link.committed.feed(data) and link.inserts.seen
        with self._change:
            if self._faults.drop_in == 0:
                self.seen.dropped_bytes += len(data)
                return b""
            return None if committed and self._is_trapped(Trap.AFTER_COMMIT) else data

    def _interrupts(self) -> bool:
        if self._faults.interrupt_in is None:
            return False
        self._faults.interrupt_in -= 1
        if self._faults.interrupt_in >= 0:
            return False
        self._faults.interrupt_in = None
        self.seen.interrupted += 1
        return True

    def _is_trapped(self, trap: Trap) -> bool:
        if self._faults.trap is not trap:
            return False
        self._faults.trap = None
        self.seen.trapped_commits += 1
        return True


class _Listener:
    """Accepts connections on a loopback port until it is closed."""

    def __init__(self, port: int, on_connection: Callable[[socket.socket], None]) -> None:
        self._listener = socket.create_server(("127.0.0.1", port))
        self._listener.settimeout(ACCEPT_TIMEOUT_S)
        self._on_connection = on_connection
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()

    def close(self) -> None:
        """Refuse connections, after those accepted were handled."""
        self._closing.set()
        self._thread.join()

    def _accept(self) -> None:
        with self._listener:
            while not self._closing.is_set():
                with contextlib.suppress(TimeoutError):
                    self._on_connection(self._listener.accept()[0])


class _Link:
    """A client's connection, and the proxy's own to the server."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.client = client
        self.server = server
        self.is_shut = False
        self.inserts, self.commits, self.committed = map(_WordFinder, (INSERT, COMMIT, COMMITTED))
        self._thread: threading.Thread | None = None
        for end in (client, server):
            end.settimeout(None)
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def start(self, forward: Callable[["_Link"], None]) -> None:
        """Forward its bytes in a thread."""
        self._thread = threading.Thread(target=forward, args=[self])
        self._thread.start()

    def shut(self) -> None:
        """Shut both connections down, which wakes threads that wait for bytes."""
        self.is_shut = True
        for end in (self.client, self.server):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def join(self) -> None:
        """Wait until its thread has ended."""
        if self._thread is not None:
            self._thread.join()

    def close(self) -> None:
        """Close both sockets."""
        self.client.close()
        self.server.close()


class _WordFinder:
    """Finds a word in a stream of bytes, even across two chunks."""

    def __init__(self, word: bytes) -> None:
        self.seen = False
        self._word = word
        self._tail = b""

    def feed(self, data: bytes) -> bool:
        """Return whether the word ends in this chunk."""
        stream = self._tail + data
        self._tail = stream[-(len(self._word) - 1) :]
        found = self._word in stream
        self.seen = self.seen or found
        return found
