"""BentoML's adaptive batching with a dispatcher of ours."""

import asyncio
import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import accumulate
from typing import Any, cast

from bentoml._internal.marshal import dispatcher
from bentoml._internal.marshal.dispatcher import CorkDispatcher, NonBlockSema

from api.contract.errors import INTERNAL_ERROR, NOT_BATCHED, QUEUE_TIMEOUT, SHUTTING_DOWN, ApiError
from api.contract.requests import TextItem
from api.http.log import rate_limited_logger

MAX_BATCH_SIZE = 32
# So that no pass keeps others waiting for long: more tokens than this many characters make, no
# model reads of one text; and of one batch, it takes RoBERTa-base about a second.
COUNTED_CHARACTERS = 2_500
MAX_CHARACTERS = 10_000
IDLE_WINDOW_S = 0.002
MAX_BATCH_WAIT_S = 0.02
EXPIRY_CHECK_INTERVAL_S = 0.5
PAUSE_AFTER_FAILURE_S = 0.1
# What ends a task on purpose; any other exception is a failure, a panic in Rust among them.
ENDS = (asyncio.CancelledError, KeyboardInterrupt, SystemExit)

logger = rate_limited_logger("bentoml.sentiment.batching")


class MicroBatcher(CorkDispatcher[Any, Any]):
    """Hand the model what waits, as soon as it has a lane free and no more requests come in.

    BentoML 1.4.39 lets a request wait for others as long as requests waited on average lately,
    also where they waited for the model, so that a lone client waits much longer than its own
    work takes for minutes after a busy time. To wait for none is worse for many: their batches
    become ever smaller.

    So it waits while requests come, those of clients that have just been answered among them,
    and not for a lone client. While a batch is answered and the next one read, another one is
    computed. `python -m benchmarks serving` shows both, at 1 and 32 connections.
    """

    _controller: "asyncio.Task[None] | None"  # type: ignore[assignment]  # BentoML says None alone

    def __init__(self, lanes: int, **options: Any) -> None:
        """Compute ``lanes`` batches at once; the options are those of BentoML's own."""
        super().__init__(**options, shared_sema=NonBlockSema(lanes))
        self._lanes = lanes
        self._batches: set[asyncio.Task[None]] = set()  # the loop itself keeps none alive
        self._taken: tuple[Any, ...] = ()  # from the queue, for a batch that is not begun yet
        self._in_work = 0  # requests that are being computed
        self._latest = 0  # how many requests the latest batch had
        self._has_failed = False

    def __call__(self, callback: Callable[..., Any]) -> Callable[[Any], Any]:
        """Return what hands one request over and waits for its answer."""
        super().__call__(callback)  # which keeps it
        return self._ask

    @property
    def works(self) -> bool:
        """Return whether the loop runs, and its latest round did not fail."""
        return not self.has_ended and not self._has_failed

    @property
    def has_ended(self) -> bool:
        """Return whether the loop has ended, which it never does by itself."""
        return self._controller is not None and self._controller.done()

    async def controller(self) -> None:
        """Make batches of what waits, for ever, whatever fails meanwhile.

        What waited for a round that failed is refused: so none fails for the same request again.
        """
        while True:
            try:
                await self._make_batches()
                self._has_failed = False
            except Exception:  # pylint: disable=broad-exception-caught  # the loop goes on
                self._has_failed = True
                logger.exception("the batching loop failed, and goes on")
                self._refuse_waiting(NOT_BATCHED)
                await asyncio.sleep(PAUSE_AFTER_FAILURE_S)

    async def _ask(self, data: Any) -> Any:
        """Answer one request; BentoML would word refusals in its own way."""
        if self._controller is None:
            self._controller = self._loop.create_task(self.controller())
            self._controller.add_done_callback(self._end)
        if self.has_ended:
            return [SHUTTING_DOWN]
        try:
            return await self.inbound_call(data)
        except asyncio.CancelledError:
            waits_no_more = cast(Any, asyncio.current_task()).cancelling()
            if waits_no_more:
                raise
            return [SHUTTING_DOWN]  # what it waited for was cancelled, as by BentoML's `shutdown`

    async def _make_batches(self) -> None:
        """Wait until batches can begin, and begin them."""
        await self._wait_for_lane()
        if self._can_begin():
            await self._gather()
        self._drop_late()
        while self._can_begin():
            self._taken = self._take()
            self._begin(self._taken)
            self._taken = ()

    async def _wait_for_lane(self) -> None:
        """Wait until something can begin, or some of what waits may be too late."""
        with suppress(TimeoutError):
            async with asyncio.timeout(EXPIRY_CHECK_INTERVAL_S), self._wake_event:
                await self._wake_event.wait_for(self._can_begin)

    def _can_begin(self) -> bool:
        return bool(self._queue) and not self._sema.is_locked()

    async def _gather(self) -> None:
        if self._latest <= 1 and len(self._queue) == 1:
            return
        ends_s = time.monotonic() + MAX_BATCH_WAIT_S
        waiting = 0
        while waiting < len(self._queue) < self.max_batch_size and time.monotonic() < ends_s:
            waiting = len(self._queue)
            await asyncio.sleep(IDLE_WINDOW_S)

    def _drop_late(self) -> None:
        """Give up on requests that have waited too long."""
        oldest_s = time.perf_counter() - self.max_latency
        while self._queue and self._queue[0].data[0].arrived_s <= oldest_s:
            _refuse([self._queue.popleft()], QUEUE_TIMEOUT)

    def _end(self, controller: "asyncio.Task[None]") -> None:
        """Log that the loop has ended, and let nobody wait for it."""
        is_wanted = controller.cancelled()  # at the end of the worker
        log = logger.info if is_wanted else logger.error
        error = None if is_wanted else controller.exception()
        log("the batching loop has ended: texts are refused from now on", exc_info=error)
        self._refuse_waiting(SHUTTING_DOWN)

    def _refuse_waiting(self, refusal: ApiError) -> None:
        """Refuse all that wait and are in no batch yet."""
        _refuse([*self._taken, *self._queue], refusal)
        self._taken = ()
        self._queue.clear()

    def _take(self) -> tuple[Any, ...]:
        """Take what is first in the queue, a request being always one text.

        No more of it than makes the batches of all lanes equally large.
        """
        share = math.ceil((len(self._queue) + self._in_work) / self._lanes)
        most = min(share, self.max_batch_size)
        waiting = [job.data[0] for _, job in zip(range(most), self._queue)]
        return tuple(self._queue.popleft() for _ in range(batch_prefix_length(waiting)))

    def _begin(self, batch: tuple[Any, ...]) -> None:
        computing = self._loop.create_task(self._compute(batch))  # it outlives the shutdown
        self._batches.add(computing)
        computing.add_done_callback(self._batches.discard)
        self._sema.acquire()
        self._in_work += len(batch)
        self._latest = len(batch)

    async def _compute(self, batch: tuple[Any, ...]) -> None:
        """Have a batch answered, or all of it refused, whatever fails."""
        try:
            outcomes = await self.callback(tuple(job.data for job in batch))
            for job, outcome in zip(batch, outcomes, strict=True):
                _answer(job, outcome)
        except ENDS:
            _refuse(batch, SHUTTING_DOWN)
            raise
        except BaseException:  # pylint: disable=broad-exception-caught  # nobody else would log it
            asked = ", ".join(job.data[0].state.request_id for job in batch)
            logger.exception("a batch failed, of the requests %s", asked)
            _refuse(batch, INTERNAL_ERROR)
        finally:
            self._sema.release()
            self._in_work -= len(batch)
            async with self._wake_event:
                self._wake_event.notify_all()


class Batching:
    """What BentoML makes its dispatchers by, one in each worker for each batchable endpoint."""

    def __init__(self, lanes: int) -> None:
        """Compute ``lanes`` batches at once."""
        self._lanes = lanes
        self._made: list[MicroBatcher] = []

    def __call__(self, **options: Any) -> MicroBatcher:
        """Make a dispatcher, with the options of BentoML's own."""
        made = MicroBatcher(self._lanes, **options)
        self._made.append(made)
        return made

    @property
    def works(self) -> bool:
        """Return whether requests are batched."""
        return all(each.works for each in self._made)

    @property
    def has_ended(self) -> bool:
        """Return whether requests will never be batched again in this process."""
        return any(each.has_ended for each in self._made)


def _answer(job: Any, outcome: Any) -> None:
    if not job.future.done():  # who asked may have been given up
        job.future.set_result(outcome)


def _refuse(jobs: Iterable[Any], refusal: ApiError) -> None:
    for job in jobs:
        _answer(job, [refusal])  # as an outcome is: the list of one text's


def batch_prefix_length(questions: Sequence[TextItem]) -> int:
    """Return how many of the questions, from the first on, make one batch: at least one."""
    costs = (min(len(question.text), COUNTED_CHARACTERS) for question in questions[:MAX_BATCH_SIZE])
    count = sum(cost <= MAX_CHARACTERS for cost in accumulate(costs))
    return min(len(questions), max(1, count))


def split_batches(questions: Sequence[TextItem]) -> Iterator[Sequence[TextItem]]:
    """Yield the questions in batches."""
    while count := batch_prefix_length(questions):
        yield questions[:count]
        questions = questions[count:]


def use_micro_batcher(lanes: int) -> Batching:
    """Let the services that are served from now on use it, and compute so many batches at once.

    BentoML's server takes it from here once it is imported, which the command never does.
    """
    batching = Batching(lanes)
    vars(dispatcher)["CorkDispatcher"] = batching
    return batching
