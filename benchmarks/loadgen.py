"""Load on a service from a process of its own.

A closed loop has so many connections, each of which asks without pause. In an open loop requests
come at their own times, as from users who do not know of each other, whether or not the service
keeps up.
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

import uvloop  # the load shares the processor with what it measures

from benchmarks.connection import Connection, post

LAST_ANSWERS_S = 30  # how long the answers to the last requests may take
RECONNECT_S = 0.05
SEED = 0
REFUSALS = (429, 503)


@dataclass(frozen=True, slots=True)
class Plan:
    """How requests come: their bodies are JSON, taken in turn.

    Without ``arrivals_per_s`` it is a closed loop: each of the ``connections`` sends the next
    body once it has its answer. With them it is an open one: requests come at random times
    (a Poisson process), each on a connection that is free or else a new one, and what they wait
    is counted from when they were due, so that no stall of the service hides others.
    What is answered, or in an open loop due, within the first ``warm_up_s`` is not measured.
    """

    url: str
    bodies: tuple[bytes, ...]
    connections: int
    warm_up_s: float
    duration_s: float
    arrivals_per_s: float | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a plan.

    ``latencies_ms`` are those of the answers (status 200) within the measured ``duration_s``;
    ``answered`` counts all, those before and just behind it too. ``failures`` are other statuses
    and broken connections, whenever they happened; ``refused_ms`` is what the measured ones of
    status 429 and 503 took. ``cpu_s`` is the processor time that the generator took while
    measuring.
    """

    duration_s: float
    latencies_ms: tuple[float, ...]
    answered: int
    failures: tuple[str, ...]
    refused_ms: tuple[float, ...]
    cpu_s: float


def generate(plan: Plan) -> Outcome:
    """Carry out a plan in another process."""
    with generator() as carry_out:
        return carry_out(plan)


@contextmanager
def generator() -> Iterator[Callable[[Plan], Outcome]]:
    """Start the other process, and yield what carries out a plan in it without a delay."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, spawn, initializer=_end_with_parent) as pool:
        pool.submit(os.getpid).result()
        yield lambda plan: pool.submit(_carry_out, plan).result()


def _end_with_parent() -> None:
    """End this process once its parent has, which a killed one cannot see to."""

    def wait() -> None:
        if (parent := multiprocessing.parent_process()) is not None:
            parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _carry_out(plan: Plan) -> Outcome:
    gc.disable()  # what it would hold up, the service would be blamed for
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_measure(plan))


async def _measure(plan: Plan) -> Outcome:
    log = _Log()
    ends_s = time.perf_counter() + plan.warm_up_s + plan.duration_s
    target = urlsplit(plan.url)
    host, port = target.hostname or "", target.port or 80
    requests = itertools.cycle([post(target.netloc, target.path, body) for body in plan.bodies])
    if plan.arrivals_per_s is None:
        asking = [_ask(host, port, requests, ends_s, log) for _ in range(plan.connections)]
    else:
        asking = [_Arrivals(host, port, log).come(requests, plan.arrivals_per_s, ends_s)]
    clients = [asyncio.create_task(each) for each in asking]
    await asyncio.sleep(plan.warm_up_s)
    start_s, start_cpu_s = time.perf_counter(), time.process_time()
    await asyncio.sleep(ends_s - start_s)
    end_s, end_cpu_s = time.perf_counter(), time.process_time()
    await _end(clients, log)

    def measured_ms(answers: Sequence[tuple[float, float]]) -> tuple[float, ...]:
        return tuple(
            (arrived_s - sent_s) * 1000
            for sent_s, arrived_s in answers
            if start_s < (arrived_s if plan.arrivals_per_s is None else sent_s) <= end_s
        )

    return Outcome(
        duration_s=end_s - start_s,
        latencies_ms=measured_ms(log.answers),
        answered=len(log.answers),
        failures=tuple(log.failures),
        refused_ms=measured_ms(log.refusals),
        cpu_s=end_cpu_s - start_cpu_s,
    )


@dataclass(slots=True)
class _Log:
    """What all clients saw: when requests were sent or due, and answered (s), and failures."""

    answers: list[tuple[float, float]] = field(default_factory=list)
    refusals: list[tuple[float, float]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def note(self, status: int, sent_s: float) -> None:
        """Note an answer that has just arrived."""
        times = (sent_s, time.perf_counter())
        if status == 200:
            self.answers.append(times)
            return
        self.failures.append(str(status))
        if status in REFUSALS:
            self.refusals.append(times)


async def _ask(host: str, port: int, requests: Iterator[bytes], ends_s: float, log: _Log) -> None:
    """Ask until the end, on a new connection where one breaks."""
    while time.perf_counter() < ends_s:
        try:
            connection = await Connection.open(host, port)
            try:
                await _ask_on(connection, requests, ends_s, log)
            finally:
                connection.close()
        except (OSError, ValueError) as error:
            log.failures.append(f"{type(error).__name__}: {error}")
            await asyncio.sleep(RECONNECT_S)


async def _end(clients: Sequence[asyncio.Task[None]], log: _Log) -> None:
    """Wait for the last answers, but not for ever."""
    done, waiting = await asyncio.wait(clients, timeout=LAST_ANSWERS_S)
    for client in waiting:
        client.cancel()
        log.failures.append(f"no answer within {LAST_ANSWERS_S} s")
    for client in done:
        client.result()  # raises what is wrong with the client itself


async def _ask_on(
    connection: Connection, requests: Iterator[bytes], ends_s: float, log: _Log
) -> None:
    while (sent_s := time.perf_counter()) < ends_s:
        log.note(await connection.send(next(requests)), sent_s)


class _Arrivals:
    """Requests that come at random times, whatever became of those before them."""

    def __init__(self, host: str, port: int, log: _Log) -> None:
        self._address = (host, port)
        self._free: list[Connection] = []
        self._log = log

    async def come(self, requests: Iterator[bytes], per_s: float, ends_s: float) -> None:
        """Send each request when it is due; return once all have their answers."""
        chance = random.Random(SEED)
        due_s = time.perf_counter()
        async with asyncio.TaskGroup() as sending:
            while (due_s := due_s + chance.expovariate(per_s)) < ends_s:
                await asyncio.sleep(due_s - time.perf_counter())
                sending.create_task(self._send(next(requests), due_s))
        for connection in self._free:
            connection.close()

    async def _send(self, request: bytes, due_s: float) -> None:
        try:
            connection = self._take() or await Connection.open(*self._address)
            status = await connection.send(request)
        except (OSError, ValueError) as error:
            self._log.failures.append(f"{type(error).__name__}: {error}")
            return
        self._free.append(connection)
        self._log.note(status, due_s)

    def _take(self) -> Connection | None:
        while self._free:
            if (connection := self._free.pop()).is_open:
                return connection
        return None
