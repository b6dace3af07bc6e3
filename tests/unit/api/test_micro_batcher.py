"""Requests share a batch as soon as the model is free; a single client never waits for others."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import pytest

from api.contract.errors import INTERNAL_ERROR, NOT_BATCHED, QUEUE_TIMEOUT, SHUTTING_DOWN
from api.contract.requests import RequestState, TextItem
from api.micro_batcher import PAUSE_AFTER_FAILURE_S, MicroBatcher
from inference.batching import batch_prefix_length

NUM_STREAMS = 2
BATCH_S = 0.05
MAX_BATCH_SIZE = 8
INVALID = -13
TIMEOUT_S = 60


class Panic(BaseException):
    """A panic in Rust, as Python sees it."""


class DoublingModel:
    """Doubles numbers after a while, and records the size of each batch."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.may_finish: asyncio.Event | None = None  # if None, a batch takes BATCH_S
        self.batcher = MicroBatcher(NUM_STREAMS, batch_prefix_length, MAX_BATCH_SIZE, 10)
        self._submit = self.batcher(self._double)

    async def ask(self, number: int) -> Any:
        """Send one request, as BentoML does."""
        return await self._submit([TextItem(str(number), time.perf_counter(), RequestState())])

    async def ask_all(self, *numbers: int) -> list[Any]:
        """Send requests at the same time."""
        async with asyncio.timeout(TIMEOUT_S):
            return await asyncio.gather(*map(self.ask, numbers))

    async def start_asking(self, *numbers: int) -> "list[asyncio.Future[Any]]":
        """Send requests and return once they are in the queue."""
        requests = [asyncio.ensure_future(self.ask(number)) for number in numbers]
        await asyncio.sleep(0)
        return requests

    async def wait_for_batches(self, count: int) -> None:
        """Return once this number of batches has started."""
        async with asyncio.timeout(TIMEOUT_S):
            while len(self.sizes) < count:
                await asyncio.sleep(0.001)

    async def _double(self, batch: Sequence[list[TextItem]]) -> list[Any]:
        numbers = [int(item.text) for (item,) in batch]
        self.sizes.append(len(numbers))
        await (self.may_finish.wait() if self.may_finish else asyncio.sleep(BATCH_S))
        if INVALID in numbers:
            raise ValueError("an invalid number")
        return [2 * number for number in numbers]


@pytest.fixture(autouse=True)
def slow_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the idle window longer than a thread waits for a processor on a busy machine."""
    monkeypatch.setattr("api.micro_batcher.IDLE_WINDOW_S", 0.1)
    monkeypatch.setattr("api.micro_batcher.MAX_BATCH_WAIT_S", 10)


@pytest.mark.parametrize(("count", "sizes"), [(20, [8, 8, 2, 2]), (7, [4, 3])])
def test_concurrent_requests_share_batches_and_get_their_own_results(
    count: int, sizes: list[int]
) -> None:
    async def run() -> tuple[list[Any], list[int]]:
        model = DoublingModel()
        return await model.ask_all(*range(count)), model.sizes

    assert ([2 * number for number in range(count)], sizes) == asyncio.run(run())


def test_requests_that_arrive_while_all_streams_are_busy_form_the_next_batches() -> None:
    async def run() -> list[int]:
        model = DoublingModel()
        model.may_finish = asyncio.Event()
        busy = await model.start_asking(0, 1)
        await model.wait_for_batches(NUM_STREAMS)
        waiting = await model.start_asking(*range(6))
        model.may_finish.set()
        await asyncio.gather(*busy, *waiting)
        return model.sizes

    assert [1, 1, 3, 3] == asyncio.run(run())


def test_a_batch_starts_while_another_is_computed() -> None:
    async def run() -> list[int]:
        model = DoublingModel()
        model.may_finish = asyncio.Event()
        first = await model.start_asking(0)
        await model.wait_for_batches(1)
        second = await model.start_asking(1)
        await model.wait_for_batches(2)
        model.may_finish.set()
        await asyncio.gather(*first, *second)
        return model.sizes

    assert [1, 1] == asyncio.run(run())


def test_clients_that_send_their_next_request_at_once_stay_together() -> None:
    async def run() -> list[int]:
        model = DoublingModel()

        async def keep_asking() -> None:
            for number in range(4):
                await model.ask(number)
                await asyncio.sleep(0)  # the response and the next request take a while

        await asyncio.gather(*(keep_asking() for _ in range(6)))
        return model.sizes

    assert [3] * 8 == asyncio.run(run())


def test_a_single_client_does_not_wait_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.micro_batcher.IDLE_WINDOW_S", 3600)
    monkeypatch.setattr("api.micro_batcher.MAX_BATCH_WAIT_S", 3600)

    async def run() -> list[Any]:
        model = DoublingModel()
        async with asyncio.timeout(TIMEOUT_S):
            return [await model.ask(number) for number in range(3)]

    assert [0, 2, 4] == asyncio.run(run())


def test_a_failure_reaches_its_whole_batch_and_no_other_and_is_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    results = asyncio.run(DoublingModel().ask_all(INVALID, 1, 2, 3))  # two batches of two

    assert [[INTERNAL_ERROR], [INTERNAL_ERROR], 4, 6] == results
    assert ["a batch failed, with the requests unknown, unknown"] == caplog.messages
    assert "an invalid number" in caplog.text


def test_a_request_expires_while_all_streams_are_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.micro_batcher.EXPIRY_CHECK_INTERVAL_S", 0.01)

    async def run() -> list[Any]:
        model = DoublingModel()
        model.may_finish = asyncio.Event()
        busy = await model.start_asking(1, 2)
        await model.wait_for_batches(NUM_STREAMS)
        model.batcher.queue_timeout_s = 0.02
        expired = await model.ask_all(3, 4)
        model.may_finish.set()
        return [*expired, *await asyncio.gather(*busy)]

    assert [[QUEUE_TIMEOUT], [QUEUE_TIMEOUT], 2, 4] == asyncio.run(run())


def test_a_panic_in_a_batch_frees_its_stream() -> None:
    async def panic(_: Sequence[list[TextItem]]) -> list[Any]:
        raise Panic

    async def run() -> tuple[list[Any], list[int]]:
        model = DoublingModel()
        double, model.batcher.compute = model.batcher.compute, panic
        results = await model.ask_all(*range(7))
        model.batcher.compute = double
        await model.ask_all(*range(7))
        return results, model.sizes

    assert ([[INTERNAL_ERROR]] * 7, [4, 3]) == asyncio.run(run())


def fail(*_: Any) -> Any:
    """Raise, as a bug in the loop would."""
    raise RuntimeError("a bug in the loop")


@pytest.mark.parametrize("broken", ["_gather", "_drop_expired", "_take", "_start", "_can_start"])
def test_the_loop_survives_its_own_failure_and_rejects_what_waited(
    broken: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> tuple[list[Any], bool, list[Any], bool]:
        model = DoublingModel()
        setattr(model.batcher, broken, fail)
        rejected = await model.ask_all(*range(3))
        was_ready = model.batcher.is_ready
        delattr(model.batcher, broken)
        return rejected, was_ready, await model.ask_all(*range(3)), model.batcher.is_ready

    assert ([[NOT_BATCHED]] * 3, False, [0, 2, 4], True) == asyncio.run(run())
    assert "a bug in the loop" in caplog.text


def test_a_loop_that_keeps_failing_pauses_in_between(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    sleep = asyncio.sleep

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        await sleep(0)

    async def run() -> None:
        model = DoublingModel()
        setattr(model.batcher, "_drop_expired", fail)  # noqa: B010  # mypy forbids assigning it
        monkeypatch.setattr("api.micro_batcher.asyncio.sleep", pause)
        for number in range(3):
            await model.ask(number)

    asyncio.run(run())

    assert len(pauses) >= 2
    assert {PAUSE_AFTER_FAILURE_S} == set(pauses)


@pytest.mark.parametrize("ends_by", ["cancellation", "panic"])
def test_requests_are_rejected_once_the_loop_has_ended(ends_by: str) -> None:
    async def panic() -> None:
        await asyncio.sleep(0.01)
        raise Panic

    async def run() -> tuple[list[Any], bool, bool]:
        model = DoublingModel()
        model.may_finish = asyncio.Event()
        if ends_by == "panic":
            setattr(model.batcher, "_start_batches", panic)  # noqa: B010
        waiting = await model.start_asking(*range(3))
        if ends_by == "cancellation":  # as at the end of a worker
            (loop_task,) = (each for each in asyncio.all_tasks() if "_run" in repr(each.get_coro()))
            loop_task.cancel()
        results = await asyncio.wait_for(asyncio.gather(*waiting), TIMEOUT_S)
        return [*results, await model.ask(4)], model.batcher.is_ready, model.batcher.is_alive

    assert ([[SHUTTING_DOWN]] * 4, False, False) == asyncio.run(run())


def test_a_request_that_is_cancelled_does_not_disturb_its_batch() -> None:
    async def run() -> list[int]:
        model = DoublingModel()
        model.may_finish = asyncio.Event()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(model.ask(1), 0.05)
        model.may_finish.set()
        await model.ask(2)
        return model.sizes

    assert [1, 1] == asyncio.run(run())
