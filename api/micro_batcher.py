"""Collect concurrent requests into batches for the model."""

import asyncio
import math
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any

from api.contract.errors import INTERNAL_ERROR, NOT_BATCHED, QUEUE_TIMEOUT, SHUTTING_DOWN, ApiError
from api.contract.requests import TextItem
from api.http.log import rate_limited_logger

IDLE_WINDOW_S = 0.002
MAX_BATCH_WAIT_S = 0.02
EXPIRY_CHECK_INTERVAL_S = 0.5
PAUSE_AFTER_FAILURE_S = 0.1
# These end a task on purpose. Any other exception is a failure, a panic in Rust included.
STOP_EXCEPTIONS = (asyncio.CancelledError, KeyboardInterrupt, SystemExit)

Outcome = list[Any]  # one result, in a list as BentoML's batches have it
Compute = Callable[[Sequence[list[TextItem]]], Awaitable[Sequence[Outcome]]]

logger = rate_limited_logger("bentoml.sentiment.batching")


@dataclass(frozen=True, slots=True, eq=False)
class _Job:
    """One text and the future result of its request."""

    item: TextItem
    future: "asyncio.Future[Outcome]"


class MicroBatcher:  # pylint: disable=too-many-instance-attributes  # the state of one loop
    """Start a batch as soon as a stream of the model is free and no more requests arrive.

    BentoML's dispatcher waits as long as requests recently waited on average, including for the
    model, so for minutes after a busy time a single client waits far longer than its own work
    takes. Not waiting at all makes batches small under load. So a batch waits while requests keep
    arriving within IDLE_WINDOW_S, at most MAX_BATCH_WAIT_S; a single client does not wait. While
    one stream computes a batch, another can start the next. `python -m benchmarks serving` shows
    the effect at 1 and 32 connections.
    """

    def __init__(
        self,
        num_streams: int,
        batch_prefix_length: Callable[[Iterable[str]], int],
        max_batch_size: int,
        queue_timeout_s: float,
    ) -> None:
        """Compute up to ``num_streams`` batches at once.

        ``batch_prefix_length`` returns how many of the first texts make one batch.
        """
        self.queue_timeout_s = queue_timeout_s
        self.compute: Compute
        self._num_streams = self._free_streams = num_streams
        self._prefix_length = batch_prefix_length
        self._max_batch_size = max_batch_size
        self._loop_task: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._queue: deque[_Job] = deque()
        self._batches: set[asyncio.Task[None]] = set()  # asyncio keeps only weak references
        self._taken: Sequence[_Job] = ()  # off the queue, in a batch that has not started
        self._num_computing = 0  # requests
        self._last_size = 0  # requests in the latest batch
        self._has_failed = False

    def __call__(self, compute: Compute) -> Callable[[list[TextItem]], Awaitable[Outcome]]:
        """Return a function that submits one request, as BentoML calls its own dispatcher."""
        self.compute = compute
        return self._submit

    @property
    def is_ready(self) -> bool:
        """Return whether the loop runs and its latest round did not fail."""
        return self.is_alive and not self._has_failed

    @property
    def is_alive(self) -> bool:
        """Return whether the loop has not ended; it ends only at shutdown or by a panic."""
        return self._loop_task is None or not self._loop_task.done()

    async def _submit(self, items: list[TextItem]) -> Outcome:
        loop = asyncio.get_running_loop()
        if self._loop_task is None:
            self._loop_task = loop.create_task(self._run())
            self._loop_task.add_done_callback(self._log_end)
        if not self.is_alive:
            return [SHUTTING_DOWN]
        (item,) = items
        job = _Job(item, loop.create_future())
        self._queue.append(job)
        self._wake.set()
        return await job.future

    async def _run(self) -> None:
        """Start batches until cancelled, whatever fails.

        After a failure, reject all waiting requests so that none of them fails the loop again.
        """
        while True:
            try:
                await self._start_batches()
                self._has_failed = False
            except Exception:  # pylint: disable=broad-exception-caught  # the loop must go on
                self._has_failed = True
                logger.exception("the batching loop failed and continues")
                self._reject_waiting(NOT_BATCHED)
                await asyncio.sleep(PAUSE_AFTER_FAILURE_S)

    async def _start_batches(self) -> None:
        await self._wait_for_stream()
        if self._can_start():
            await self._gather()
        self._drop_expired()
        while self._can_start():
            self._taken = self._take()
            self._start(self._taken)
            self._taken = ()

    async def _wait_for_stream(self) -> None:
        """Wait until a batch can start, or until it is time to look for expired requests."""
        with suppress(TimeoutError):
            async with asyncio.timeout(EXPIRY_CHECK_INTERVAL_S):
                while not self._can_start():
                    self._wake.clear()
                    await self._wake.wait()

    def _can_start(self) -> bool:
        return bool(self._queue) and self._free_streams > 0

    async def _gather(self) -> None:
        if self._last_size <= 1 and len(self._queue) == 1:
            return
        deadline_s = time.monotonic() + MAX_BATCH_WAIT_S
        before = 0
        while before < len(self._queue) < self._max_batch_size and time.monotonic() < deadline_s:
            before = len(self._queue)
            await asyncio.sleep(IDLE_WINDOW_S)

    def _drop_expired(self) -> None:
        """Reject requests that have waited longer than the queue timeout."""
        oldest_s = time.perf_counter() - self.queue_timeout_s
        while self._queue and self._queue[0].item.arrived_s <= oldest_s:
            _reject([self._queue.popleft()], QUEUE_TIMEOUT)

    def _take(self) -> Sequence[_Job]:
        """Take one batch off the queue, so that the batches of all streams are equally large."""
        share = math.ceil((len(self._queue) + self._num_computing) / self._num_streams)
        waiting = islice(self._queue, min(share, self._max_batch_size))
        count = self._prefix_length(job.item.text for job in waiting)
        return [self._queue.popleft() for _ in range(count)]

    def _start(self, batch: Sequence[_Job]) -> None:
        task = asyncio.get_running_loop().create_task(self._compute(batch))
        self._batches.add(task)
        task.add_done_callback(self._batches.discard)
        self._free_streams -= 1
        self._num_computing += len(batch)
        self._last_size = len(batch)

    async def _compute(self, batch: Sequence[_Job]) -> None:
        """Resolve every request of a batch: with its result, or with an error if any step fails."""
        try:
            outcomes = await self.compute([[job.item] for job in batch])
            for job, outcome in zip(batch, outcomes, strict=True):
                _resolve(job, outcome)
        except STOP_EXCEPTIONS:
            _reject(batch, SHUTTING_DOWN)
            raise
        except BaseException:  # pylint: disable=broad-exception-caught  # else it is not logged
            ids = ", ".join(job.item.state.request_id for job in batch)
            logger.exception("a batch failed, with the requests %s", ids)
            _reject(batch, INTERNAL_ERROR)
        finally:
            self._free_streams += 1
            self._num_computing -= len(batch)
            self._wake.set()

    def _log_end(self, task: "asyncio.Task[None]") -> None:
        """Log that the loop has ended, and reject all waiting requests."""
        is_shutdown = task.cancelled()
        log = logger.info if is_shutdown else logger.error
        error = None if is_shutdown else task.exception()
        log("the batching loop has ended: requests are rejected from now on", exc_info=error)
        self._reject_waiting(SHUTTING_DOWN)

    def _reject_waiting(self, error: ApiError) -> None:
        _reject([*self._taken, *self._queue], error)
        self._taken = ()
        self._queue.clear()


def _resolve(job: _Job, outcome: Outcome) -> None:
    if not job.future.done():  # the request may have been cancelled
        job.future.set_result(outcome)


def _reject(jobs: Iterable[_Job], error: ApiError) -> None:
    for job in jobs:
        _resolve(job, [error])
