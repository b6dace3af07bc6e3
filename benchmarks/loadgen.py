"""HTTP load on a service, from a process of its own.

In a closed loop each connection sends its next request once the last one is answered. In an open
loop requests arrive at random times, as from independent users, even if the service is slow.
"""

import asyncio
import gc
import itertools
import multiprocessing
import os
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import uvloop  # the load shares the processor with the service

from benchmarks.connection import Connection, post
from benchmarks.stats import percentile

DRAIN_TIMEOUT_S = 30  # for the last answers
RECONNECT_S = 0.05
SEED = 0
REFUSALS = (429, 503)


@dataclass(frozen=True, slots=True)
class LoadProfile:
    """A load: URL, JSON bodies that are sent in turn, connections and durations.

    With ``arrivals_per_s`` it is an open loop, a Poisson process: each request uses a free
    connection or a new one, and its latency counts from when it was due, so that a stall of the
    service hides no other request. Answers of the first ``warm_up_s`` (open loop: of requests due
    then) are not measured.
    """

    url: str
    bodies: tuple[bytes, ...]
    connections: int
    warm_up_s: float
    duration_s: float
    arrivals_per_s: float | None = None


@dataclass(frozen=True, slots=True)
class LoadResult:
    """Latencies of 200 answers and of refusals (429, 503) within the measured ``duration_s``.

    ``answered`` counts every 200, during warm-up too; ``failures`` are other statuses and broken
    connections at any time. ``cpu_s`` is the generator's processor time while measuring.
    """

    duration_s: float
    latencies_ms: tuple[float, ...]
    answered: int
    failures: tuple[str, ...]
    refused_ms: tuple[float, ...]
    cpu_s: float

    @property
    def requests_per_s(self) -> float:
        """Return the throughput of 200 answers."""
        return len(self.latencies_ms) / self.duration_s

    @property
    def generator_cores(self) -> float:
        """Return the cores that the generator used; 1.0 is a whole core."""
        return self.cpu_s / self.duration_s

    def latency_ms(self, share: float) -> float:
        """Return a percentile (0..1) of the latency, NaN without answers."""
        return percentile(self.latencies_ms, share)


def run_load(profile: LoadProfile) -> LoadResult:
    """Run a load in another process."""
    with generator() as run:
        return run(profile)


@contextmanager
def generator() -> Iterator[Callable[[LoadProfile], LoadResult]]:
    """Start the other process; yield a function that runs a load in it without delay."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, spawn, initializer=_exit_with_parent) as pool:
        pool.submit(os.getpid).result()
        yield lambda profile: pool.submit(_run, profile).result()


def alternating(names: Sequence[str], rounds: int) -> Iterator[Sequence[str]]:
    """Yield the names for each round, every other time reversed, so that drift affects all."""
    for number in range(rounds):
        yield names if number % 2 == 0 else names[::-1]


def _exit_with_parent() -> None:
    """Exit when the parent does, also if that was killed."""

    def wait() -> None:
        if (parent := multiprocessing.parent_process()) is not None:
            parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _run(profile: LoadProfile) -> LoadResult:
    gc.disable()  # its pauses would count as the service's latency
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_measure(profile))


async def _measure(profile: LoadProfile) -> LoadResult:
    log = _Log()
    end_s = time.perf_counter() + profile.warm_up_s + profile.duration_s
    clients = _start_clients(profile, end_s, log)
    await asyncio.sleep(profile.warm_up_s)
    from_s, from_cpu_s = time.perf_counter(), time.process_time()
    await asyncio.sleep(end_s - from_s)
    to_s, to_cpu_s = time.perf_counter(), time.process_time()
    await _drain(clients, log)
    is_open = profile.arrivals_per_s is not None

    def measured_ms(answers: Sequence[tuple[float, float]]) -> tuple[float, ...]:
        return tuple(
            (arrived_s - sent_s) * 1000
            for sent_s, arrived_s in answers
            if from_s < (sent_s if is_open else arrived_s) <= to_s
        )

    return LoadResult(
        duration_s=to_s - from_s,
        latencies_ms=measured_ms(log.answers),
        answered=len(log.answers),
        failures=tuple(log.failures),
        refused_ms=measured_ms(log.refusals),
        cpu_s=to_cpu_s - from_cpu_s,
    )


@dataclass(slots=True)
class _Log:
    """When requests were sent or due, and answered (s), and the failures, of all clients."""

    answers: list[tuple[float, float]] = field(default_factory=list)
    refusals: list[tuple[float, float]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def record(self, status: int, sent_s: float) -> None:
        """Record an answer that has just arrived."""
        times = (sent_s, time.perf_counter())
        if status == 200:
            self.answers.append(times)
            return
        self.failures.append(str(status))
        if status in REFUSALS:
            self.refusals.append(times)

    def record_error(self, error: Exception) -> None:
        """Record a broken connection."""
        self.failures.append(f"{type(error).__name__}: {error}")


def _start_clients(profile: LoadProfile, end_s: float, log: _Log) -> list[asyncio.Task[None]]:
    target = urlsplit(profile.url)
    host, port = target.hostname or "", target.port or 80
    requests = itertools.cycle([post(target.netloc, target.path, body) for body in profile.bodies])
    if profile.arrivals_per_s is None:
        clients = [
            _closed_loop(host, port, requests, end_s, log) for _ in range(profile.connections)
        ]
    else:
        clients = [_OpenLoop(host, port, log).run(requests, profile.arrivals_per_s, end_s)]
    return [asyncio.create_task(client) for client in clients]


async def _drain(clients: Sequence[asyncio.Task[None]], log: _Log) -> None:
    """Wait for the last answers, up to the timeout."""
    done, waiting = await asyncio.wait(clients, timeout=DRAIN_TIMEOUT_S)
    for client in waiting:
        client.cancel()
        log.failures.append(f"no answer within {DRAIN_TIMEOUT_S} s")
    for client in done:
        client.result()  # raises the client's own error


async def _closed_loop(
    host: str, port: int, requests: Iterator[bytes], end_s: float, log: _Log
) -> None:
    """Send requests one after another until the end; reconnect if the connection breaks."""
    while time.perf_counter() < end_s:
        try:
            connection = await Connection.open(host, port)
            try:
                while (sent_s := time.perf_counter()) < end_s:
                    log.record(await connection.send(next(requests)), sent_s)
            finally:
                connection.close()
        except (OSError, ValueError) as error:
            log.record_error(error)
            await asyncio.sleep(RECONNECT_S)


class _OpenLoop:
    """Requests that arrive at random times, independent of earlier answers."""

    def __init__(self, host: str, port: int, log: _Log) -> None:
        self._address = (host, port)
        self._free: list[Connection] = []
        self._log = log

    async def run(self, requests: Iterator[bytes], per_s: float, end_s: float) -> None:
        """Send each request when it is due; return once all are answered."""
        rng = random.Random(SEED)
        due_s = time.perf_counter()
        async with asyncio.TaskGroup() as sending:
            while (due_s := due_s + rng.expovariate(per_s)) < end_s:
                await asyncio.sleep(due_s - time.perf_counter())
                sending.create_task(self._send(next(requests), due_s))
        for connection in self._free:
            connection.close()

    async def _send(self, request: bytes, due_s: float) -> None:
        try:
            connection = self._free_connection() or await Connection.open(*self._address)
            status = await connection.send(request)
        except (OSError, ValueError) as error:
            self._log.record_error(error)
            return
        self._free.append(connection)
        self._log.record(status, due_s)

    def _free_connection(self) -> Connection | None:
        while self._free:
            if (connection := self._free.pop()).is_open:
                return connection
        return None
