"""BentoML's adaptive batching with a dispatcher of ours."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any

from _bentoml_impl.server import app
from bentoml._internal.marshal.dispatcher import CorkDispatcher

from api.requests import Question

MAX_TEXTS = 64
# So that no pass keeps others waiting for long: more tokens than this many characters make, no
# model reads of one text; and of one batch, it takes RoBERTa-base about a second.
COUNTED_CHARACTERS = 2_500
MAX_CHARACTERS = 20_000
QUIET_S = 0.002
LONGEST_GATHERING_S = 0.02


class QuietDispatcher(CorkDispatcher[Any, Any]):
    """Hand the model all that waits, as soon as it is free and no more requests come in.

    BentoML 1.4.39 lets a request wait for others as long as requests waited on average lately,
    also where they waited for the model, so that a lone client waits much longer than its own
    work takes for minutes after a busy time. To wait for none is worse for many: clients part in
    two groups, of which one is read and answered while the other is computed, on the same cores.

    So it waits while requests come, those of clients that have just been answered among them,
    and not for a lone client. `python -m benchmarks serving` shows both, at 1 and 32 connections.
    """

    _latest = 0  # how many requests the latest batch had

    async def controller(self) -> None:
        """Make batches of what waits, one after the other, for ever."""
        while True:
            async with self._wake_event:
                await self._wake_event.wait_for(self._queue.__len__)
            await self._gather()
            self._drop_late()
            if batch := self._take():
                self._latest = len(batch)
                self._sema.acquire()
                await asyncio.shield(self.outbound_call(batch))  # it outlives the shutdown

    def _take(self) -> tuple[Any, ...]:
        """Take what is first in the queue, a request being always one text."""
        waiting = [job.data[0] for _, job in zip(range(self.max_batch_size), self._queue)]
        return tuple(self._queue.popleft() for _ in range(fitting(waiting)))

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
        oldest_s = time.time() - self.max_latency
        while self._queue and self._queue[0].enqueue_time <= oldest_s:
            self._queue.popleft().future.cancel()


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


def batch_quietly() -> None:
    """Let the services that are made from now on use it."""
    vars(app)["CorkDispatcher"] = QuietDispatcher
