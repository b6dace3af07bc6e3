"""How many texts may be in flight, and when a rejected client may retry."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager
from functools import wraps
from typing import Any, cast

import pytest

from api.http.admission import AdmissionControl, Slot
from tests.support.clock import Clock


def test_there_is_room_up_to_the_limit_and_again_after_a_release() -> None:
    admission = AdmissionControl(max_texts=10)

    with admission.acquire(8):
        during = [admission.has_room(2), admission.has_room(3)]

    assert [True, False] == during
    assert admission.has_room(10)


def test_a_slot_is_released_after_an_exception() -> None:
    admission = AdmissionControl(max_texts=1)

    with pytest.raises(ValueError, match="broken"), admission.acquire(1):
        raise ValueError("broken")

    assert admission.has_room(1)


def test_retry_after_is_the_time_until_all_texts_have_finished(clock: Clock) -> None:
    admission = AdmissionControl(max_texts=100)
    with ExitStack() as stack:
        stack.enter_context(admission.acquire(90))
        for _ in range(20):  # ten texts finish per second
            clock.now_s += 0.1
            with admission.acquire(1):
                pass

        assert 9 == admission.retry_after_s()


def test_retry_after_is_a_minute_at_most(clock: Clock) -> None:
    admission = AdmissionControl(max_texts=1000)
    with admission.acquire(900):
        for _ in range(3):
            clock.now_s += 10
            with admission.acquire(1):
                pass

        assert 60 == admission.retry_after_s()


def test_retry_after_is_a_second_without_measurements() -> None:
    assert 1 == AdmissionControl().retry_after_s()


def test_idle_time_does_not_count(clock: Clock) -> None:
    admission = AdmissionControl(max_texts=100)
    with admission.acquire(1):
        pass
    clock.now_s += 3600
    with admission.acquire(50):
        for _ in range(3):
            clock.now_s += 0.1
            with admission.acquire(1):
                pass

        assert 5 == admission.retry_after_s()


@pytest.mark.parametrize("since_s", [0.0, 0.7])
def test_texts_of_one_batch_count_as_one_burst(clock: Clock, since_s: float) -> None:
    admission = AdmissionControl(max_texts=1000)
    with admission.acquire(245):
        for _ in range(100):  # 80 texts finish per second
            clock.now_s += 0.79
            for _ in range(64):
                with admission.acquire(1):
                    clock.now_s += 0.01 / 64
        clock.now_s += since_s

        assert 4 == admission.retry_after_s()


def test_the_first_batch_sets_the_rate(clock: Clock) -> None:
    admission = AdmissionControl(max_texts=1000)
    with admission.acquire(190):
        with admission.acquire(64):
            clock.now_s += 2

        assert 6 == admission.retry_after_s()


def test_old_bursts_do_not_count(clock: Clock) -> None:
    admission = AdmissionControl(max_texts=1000)
    with admission.acquire(20):
        for pause_s in [0.1] * 100 + [2] * 40:
            clock.now_s += pause_s
            with admission.acquire(1):
                pass

        assert 40 == admission.retry_after_s()


def test_retry_after_grows_while_nothing_finishes(clock: Clock) -> None:
    admission = AdmissionControl(max_texts=1000)
    with admission.acquire(100):
        for _ in range(10):  # ten texts finish per second
            clock.now_s += 0.1
            with admission.acquire(1):
                pass
        before = admission.retry_after_s()
        clock.now_s += 4

        assert (10, 50) == (before, admission.retry_after_s())


def test_until_a_text_finishes_retry_after_is_the_time_so_far(clock: Clock) -> None:
    admission = AdmissionControl(max_texts=1000)
    with admission.acquire(100):
        clock.now_s += 4.5

        assert 5 == admission.retry_after_s()


def test_a_second_release_does_nothing() -> None:
    admission = AdmissionControl(max_texts=10)

    with admission.acquire(4) as slot, admission.acquire(5):
        slot.release()
        slot.release()
        during = admission.texts_in_flight

    assert (5, 0) == (during, admission.texts_in_flight)


@asynccontextmanager
async def batches(admission: AdmissionControl, *texts: int) -> AsyncIterator[list[Slot]]:
    """Acquire slots for batches of these sizes."""
    with ExitStack() as stack:
        yield [stack.enter_context(admission.acquire(each, is_batch=True)) for each in texts]


def in_loop(test: Callable[[], Awaitable[None]]) -> Callable[[], None]:
    """Run a test in an event loop, which queued slots need."""

    @wraps(test)
    def run() -> None:
        asyncio.run(cast(Any, test()))

    return run


@in_loop
async def test_single_texts_leave_up_to_half_of_their_places_to_batches() -> None:
    admission = AdmissionControl(max_texts=256)

    async with batches(admission, 100, 28, 128, 128) as made:
        rooms = []
        for slot in reversed(made):
            rooms.append([admission.has_room(128), admission.has_room(129)])
            slot.release()
        rooms.append([admission.has_room(256), admission.has_room(257)])

    assert [True, True, True, False] == [slot.admitted is None for slot in made]
    assert [[True, False]] * 3 + [[True, True]] + [[True, False]] == rooms


@in_loop
async def test_a_batch_starts_despite_many_single_texts() -> None:
    admission = AdmissionControl(max_texts=256)

    with admission.acquire(256):
        async with batches(admission, 128) as (batch,):
            assert batch.in_flight
            assert not admission.has_room(1)


@in_loop
async def test_single_texts_start_despite_many_batches() -> None:
    admission = AdmissionControl(max_texts=256)

    async with batches(admission, 128, 128, 128, 128):
        assert (256, 256) == (admission.texts_in_flight, admission.queued_texts)
        assert [True, False] == [admission.has_room(128), admission.has_room(129)]


@in_loop
async def test_batches_start_in_order_of_arrival() -> None:
    admission = AdmissionControl(max_texts=256)

    async with batches(admission, 128, 64, 128, 10) as (first, second, third, small):
        during = [each.in_flight for each in (first, second, third, small)]
        first.release()

        assert [True, True, False, False] == during
        assert [True, True] == [third.in_flight, small.in_flight]


@in_loop
async def test_batches_behind_one_that_gives_up_start() -> None:
    admission = AdmissionControl(max_texts=256)

    async with batches(admission, 128, 64, 128, 10) as (_first, _second, third, small):
        third.release()
        third.release()

        assert (False, True) == (third.in_flight, small.in_flight)
        assert (202, 0) == (admission.texts_in_flight, admission.queued_texts)


@in_loop
async def test_as_many_texts_may_queue_as_be_in_flight() -> None:
    admission = AdmissionControl(max_texts=256)

    async with batches(admission, 128, 128, 128, 127):
        assert [True, False] == [
            admission.has_room(1, is_batch=True),
            admission.has_room(2, is_batch=True),
        ]
