"""BentoML's adaptive batching with a dispatcher of ours."""

import asyncio
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from itertools import accumulate
from typing import Any

from bentoml._internal.marshal import dispatcher
from bentoml._internal.marshal.dispatcher import CorkDispatcher, NonBlockSema

from api.requests import Question

MAX_TEXTS = 32
# So that no pass keeps others waiting for long: more tokens than this many characters make, no
# model reads of one text; and of one batch, it takes RoBERTa-base about a second.
COUNTED_CHARACTERS = 2_500
MAX_CHARACTERS = 10_000
QUIET_S = 0.002
LONGEST_GATHERING_S = 0.02
LATE_EVERY_S = 0.5


class QuietDispatcher(CorkDispatcher[Any, Any]):
    """Hand the model what waits, as soon as it has a lane free and no more requests come in.

    BentoML 1.4.39 lets a request wait for others as long as requests waited on average lately,
    also where they waited for the model, so that a lone client waits much longer than its own
    work takes for minutes after a busy time. To wait for none is worse for many: their batches
    become ever smaller.

    So it waits while requests come, those of clients that have just been answered among them,
    and not for a lone client. While a batch is answered and the next one read, another one is
    computed. `python -m benchmarks serving` shows both, at 1 and 32 connections.
    """

    def __init__(self, lanes: int, **options: Any) -> None:
        """Compute ``lanes`` batches at once; the options are those of BentoML's own."""
        super().__init__(**options, shared_sema=NonBlockSema(lanes))
        self._lanes = lanes
        self._batches: set[asyncio.Task[None]] = set()  # the loop itself keeps none alive
        self._in_work = 0  # requests that are being computed
        self._latest = 0  # how many requests the latest batch had

    async def controller(self) -> None:
        """Make batches of what waits, for ever."""
        while True:
            await self._wait_for_lane()
            if self._can_begin():
                await self._gather()
            self._drop_late()
            while self._can_begin():
                self._begin(self._take())

    async def _wait_for_lane(self) -> None:
        """Wait until something can begin, or some of what waits may be too late."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LATE_EVERY_S), self._wake_event:
                await self._wake_event.wait_for(self._can_begin)

    def _can_begin(self) -> bool:
        return bool(self._queue) and not self._sema.is_locked()

    async def _gather(self) -> None:
        if self._latest <= 1 and len(self._queue) == 1:
            return
        ends_s = time.monotonic() + LONGEST_GATHERING_S
        waiting = 0
        while waiting < len(self._queue) < self.max_batch_size and time.monotonic() < ends_s:
            waiting = len(self._queue)
            await asyncio.sleep(QUIET_S)

    def _drop_late(self) -> None:
        """Give up on requests that have waited too long; BentoML answers them 503."""
        oldest_s = time.perf_counter() - self.max_latency
        while self._queue and self._queue[0].data[0].arrived_s <= oldest_s:
            self._queue.popleft().future.cancel()

    def _take(self) -> tuple[Any, ...]:
        """Take what is first in the queue, a request being always one text.

        No more of it than makes the batches of all lanes equally large.
        """
        share = math.ceil((len(self._queue) + self._in_work) / self._lanes)
        most = min(share, self.max_batch_size)
        waiting = [job.data[0] for _, job in zip(range(most), self._queue)]
        return tuple(self._queue.popleft() for _ in range(fitting(waiting)))

    def _begin(self, batch: tuple[Any, ...]) -> None:
        self._sema.acquire()
        self._in_work += len(batch)
        self._latest = len(batch)
        computing = asyncio.create_task(self._compute(batch))  # it outlives the shutdown
        self._batches.add(computing)
        computing.add_done_callback(self._batches.discard)

    async def _compute(self, batch: tuple[Any, ...]) -> None:
        try:
            await self.outbound_call(batch)  # what fails in it, the requests are told
        finally:
            self._in_work -= len(batch)
            async with self._wake_event:
                self._wake_event.notify_all()


def fitting(questions: Sequence[Question]) -> int:
    """Return how many of the questions, from the first on, make one batch: at least one."""
    costs = (min(len(question.text), COUNTED_CHARACTERS) for question in questions[:MAX_TEXTS])
    count = sum(cost <= MAX_CHARACTERS for cost in accumulate(costs))
    return min(len(questions), max(1, count))


def portions(questions: Sequence[Question]) -> Iterator[Sequence[Question]]:
    """Yield the questions in batches."""
    while count := fitting(questions):
        yield questions[:count]
        questions = questions[count:]


def batch_quietly(lanes: int) -> None:
    """Let the services that are served from now on use it, and compute so many batches at once.

    BentoML's server takes it from here once it is imported, which the command never does.
    """
    vars(dispatcher)["CorkDispatcher"] = partial(QuietDispatcher, lanes)
