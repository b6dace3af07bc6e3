"""Requests share a batch as soon as the model is free; none waits for others that do not come."""

import asyncio
import time
from typing import Any

import pytest

from api.contract.errors import INTERNAL_ERROR, NOT_BATCHED, QUEUE_TIMEOUT, SHUTTING_DOWN
from api.contract.requests import RequestState, TextItem
from patches.micro_batcher import MAX_CHARACTERS, PAUSE_AFTER_FAILURE_S, Batching, split_batches
from tests.support.server import run_python

NUM_STREAMS = 2
LONG_S = 0.05
MOST = 8
UNLUCKY = -13
IS_OURS = (
    "from _bentoml_impl.server.app import CorkDispatcher as d; assert isinstance(d, b.Batching)"
)


def bentomls_words() -> None:
    """Refuse as BentoML does, which is not to happen."""
    raise AssertionError("BentoML's own words were asked for")


class Doubling:
    """A model that takes its time to double numbers; it notes the batches it was given."""

    def __init__(self, batching: Batching | None = None) -> None:
        self.batches: list[int] = []
        self.may_end: asyncio.Event | None = None  # else it takes LONG_S
        self.dispatcher = (batching or Batching(NUM_STREAMS))(
            max_latency_in_ms=10_000, max_batch_size=MOST, fallback=bentomls_words
        )
        self._ask = self.dispatcher(self._double)

    async def call(self, number: int) -> Any:
        """Ask for one number, as BentoML does for one request."""
        return await self._ask([TextItem(str(number), time.perf_counter(), RequestState())])

    async def await_batches(self, count: int) -> None:
        """Return once so many batches were begun."""
        async with asyncio.timeout(60):
            while len(self.batches) < count:
                await asyncio.sleep(0.001)

    async def _double(self, asked: tuple[list[TextItem], ...]) -> list[int]:
        numbers = [int(question.text) for (question,) in asked]
        self.batches.append(len(numbers))
        await (self.may_end.wait() if self.may_end else asyncio.sleep(LONG_S))
        if UNLUCKY in numbers:
            raise ValueError("an unlucky number")
        return [2 * number for number in numbers]


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Call quiet only what is longer than a thread waits for a processor."""
    monkeypatch.setattr("patches.micro_batcher.IDLE_WINDOW_S", 0.1)
    monkeypatch.setattr("patches.micro_batcher.MAX_BATCH_WAIT_S", 10)


def test_bentoml_makes_dispatchers_of_ours() -> None:
    run_python(
        ["-c", "from patches import micro_batcher as b; b.use_micro_batcher(2); " + IS_OURS], {}
    )


def test_requests_that_come_together_share_full_batches_and_get_their_own_answers() -> None:
    async def ask() -> tuple[list[Any], list[int]]:
        model = Doubling()
        return await asyncio.gather(*map(model.call, range(20))), model.batches

    answers, batches = asyncio.run(ask())

    assert [2 * number for number in range(20)] == answers
    assert [8, 8, 2, 2] == batches


def test_few_requests_that_come_together_are_shared_among_the_lanes() -> None:
    async def ask() -> list[int]:
        model = Doubling()
        await asyncio.gather(*map(model.call, range(7)))
        return model.batches

    assert [4, 3] == asyncio.run(ask())


def test_requests_that_come_while_all_lanes_work_are_the_next_batch() -> None:
    async def ask() -> list[int]:
        model = Doubling()
        model.may_end = asyncio.Event()
        busy = [asyncio.ensure_future(model.call(number)) for number in range(2)]
        await model.await_batches(NUM_STREAMS)
        waiting = [asyncio.ensure_future(model.call(number)) for number in range(6)]
        await asyncio.sleep(0)  # they are in line now
        model.may_end.set()
        await asyncio.gather(*busy, *waiting)
        return model.batches

    assert [1, 1, 3, 3] == asyncio.run(ask())


def test_a_batch_is_begun_while_another_one_is_computed() -> None:
    async def ask() -> tuple[list[int], list[int]]:
        model = Doubling()
        model.may_end = asyncio.Event()
        calls = []
        for number in range(2):
            calls.append(asyncio.ensure_future(model.call(number)))
            await model.await_batches(number + 1)
        begun = list(model.batches)
        model.may_end.set()
        await asyncio.gather(*calls)
        return begun, model.batches

    assert ([1, 1], [1, 1]) == asyncio.run(ask())


def test_clients_that_ask_again_once_they_are_answered_stay_together() -> None:
    async def ask() -> list[int]:
        model = Doubling()

        async def keep_asking() -> None:
            for number in range(4):
                await model.call(number)
                await asyncio.sleep(0)  # an answer and a request take a while

        await asyncio.gather(*(keep_asking() for _ in range(6)))
        return model.batches

    assert [3] * 8 == asyncio.run(ask())


def test_a_lone_client_waits_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("patches.micro_batcher.IDLE_WINDOW_S", 3600)
    monkeypatch.setattr("patches.micro_batcher.MAX_BATCH_WAIT_S", 3600)

    async def ask() -> list[Any]:
        model = Doubling()
        async with asyncio.timeout(60):
            return [await model.call(number) for number in range(3)]

    assert [0, 2, 4] == asyncio.run(ask())


def test_a_failure_reaches_all_of_its_batch_and_nobody_else_and_is_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def ask() -> list[Any]:
        model = Doubling()
        together = (UNLUCKY, 1, 2, 3)  # two and two
        return await asyncio.gather(*map(model.call, together))

    assert [[INTERNAL_ERROR], [INTERNAL_ERROR], 4, 6] == asyncio.run(ask())
    assert ["a batch failed, of the requests unknown, unknown"] == caplog.messages
    assert "an unlucky number" in caplog.text


def test_who_waits_too_long_is_told_so_while_all_lanes_still_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("patches.micro_batcher.EXPIRY_CHECK_INTERVAL_S", 0.01)

    async def ask() -> list[Any]:
        model = Doubling()
        model.may_end = asyncio.Event()
        busy = [asyncio.ensure_future(model.call(number)) for number in (1, 2)]
        await model.await_batches(NUM_STREAMS)
        model.dispatcher.max_latency = 0.02
        async with asyncio.timeout(60):
            late = await asyncio.gather(model.call(3), model.call(4))
        model.may_end.set()
        return [*late, *await asyncio.gather(*busy)]

    assert [[QUEUE_TIMEOUT], [QUEUE_TIMEOUT], 2, 4] == asyncio.run(ask())


def test_a_batch_that_ends_with_no_exception_is_in_work_no_more() -> None:
    class Panic(BaseException):
        """What a panic in Rust is in Python."""

    async def ask() -> tuple[list[Any], list[int]]:
        model = Doubling()
        double = model.dispatcher.callback

        async def panic(_: tuple[list[TextItem], ...]) -> list[int]:
            raise Panic

        model.dispatcher.callback = panic
        told = await asyncio.gather(*map(model.call, range(7)))
        model.dispatcher.callback = double
        await asyncio.gather(*map(model.call, range(7)))
        return told, model.batches

    told, batches = asyncio.run(ask())

    assert [[INTERNAL_ERROR]] * 7 == told
    assert [4, 3] == batches


def fail(*_: Any) -> Any:
    """Fail, as a mistake in the loop would."""
    raise RuntimeError("a mistake in the loop")


@pytest.mark.parametrize("broken", ["_gather", "_drop_late", "_take", "_begin", "_can_begin"])
def test_the_loop_survives_a_failure_of_its_own_and_refuses_what_waited_for_it(
    broken: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def ask() -> tuple[list[Any], bool, list[Any], bool]:
        model = Doubling()
        vars(model.dispatcher)[broken] = fail
        async with asyncio.timeout(60):
            told = await asyncio.gather(*map(model.call, range(3)))
            during = model.dispatcher.works
            del vars(model.dispatcher)[broken]
            later = await asyncio.gather(*map(model.call, range(3)))
        return told, during, later, model.dispatcher.works

    told, during, later, afterwards = asyncio.run(ask())

    assert [[NOT_BATCHED]] * 3 == told
    assert [0, 2, 4] == later
    assert (False, True) == (during, afterwards)
    assert "a mistake in the loop" in caplog.text


def test_a_loop_that_fails_each_time_rests_between(monkeypatch: pytest.MonkeyPatch) -> None:
    rests: list[float] = []

    async def ask() -> None:
        model = Doubling()
        vars(model.dispatcher)["_gather"] = fail
        sleep = asyncio.sleep

        async def rest(seconds: float) -> None:
            rests.append(seconds)
            await sleep(0)

        monkeypatch.setattr("patches.micro_batcher.asyncio.sleep", rest)
        for number in range(3):
            await model.call(number)

    asyncio.run(ask())

    assert len(rests) >= 2
    assert {PAUSE_AFTER_FAILURE_S} == set(rests)


@pytest.mark.parametrize("ends", ["is cancelled", "fails for good"])
def test_nobody_waits_for_a_loop_that_has_ended(ends: str) -> None:
    class Panic(BaseException):
        """What the loop does not survive."""

    async def panic() -> None:
        await asyncio.sleep(0.01)
        raise Panic

    async def ask() -> tuple[list[Any], bool, bool]:
        made = Batching(NUM_STREAMS)
        model = Doubling(made)
        before = made.works, made.has_ended
        if ends == "fails for good":
            vars(model.dispatcher)["_make_batches"] = panic
        else:
            model.may_end = asyncio.Event()
        async with asyncio.timeout(60):
            waiting = [asyncio.ensure_future(model.call(number)) for number in range(3)]
            await asyncio.sleep(0)  # they are in line now
            if ends == "is cancelled":
                model.dispatcher.shutdown()
            told = await asyncio.gather(*waiting, model.call(4))
        assert (True, False) == before
        return told, made.works, made.has_ended

    assert ([[SHUTTING_DOWN]] * 4, False, True) == asyncio.run(ask())


def test_who_gives_up_waiting_is_told_so_by_nobody_else() -> None:
    async def ask() -> list[int]:
        model = Doubling()
        model.may_end = asyncio.Event()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await model.call(1)
        model.may_end.set()
        await model.call(2)
        return model.batches

    assert [1, 1] == asyncio.run(ask())


def test_portions_have_as_many_texts_as_one_batch_and_no_more_characters() -> None:
    tweets = [TextItem("x" * 100, 0, RequestState())] * 128
    essays = [TextItem("x" * 5000, 0, RequestState())] * 20

    assert [32] * 4 == [len(portion) for portion in split_batches(tweets)]
    assert [4] * 5 == [len(portion) for portion in split_batches(essays)]


def test_a_text_beyond_all_bounds_is_a_portion_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("patches.micro_batcher.COUNTED_CHARACTERS", 2 * MAX_CHARACTERS)
    giants = [TextItem("x" * (2 * MAX_CHARACTERS), 0, RequestState())] * 2

    assert [1, 1] == [len(portion) for portion in split_batches(giants)]
