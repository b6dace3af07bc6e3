"""A single pass gets all streams; others share them, first come, first served."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event

import pytest

from inference.stream_scheduler import StreamScheduler
from tests.support.server import eventually

DEADLINE_S = 30


class Pass:
    """A pass in its own thread, which runs until it is ended."""

    def __init__(
        self, scheduler: StreamScheduler, pool: ThreadPoolExecutor, *, exclusive: bool = False
    ) -> None:
        self._begun, self._may_end = Event(), Event()
        self._done: Future[bool] = pool.submit(self._compute, scheduler, exclusive)

    @property
    def is_computing(self) -> bool:
        """Return whether it has begun."""
        return self._begun.is_set()

    def await_turn(self) -> "Pass":
        """Wait until it has begun."""
        assert self._begun.wait(DEADLINE_S)
        return self

    def end(self) -> bool:
        """End it; return whether it had all streams."""
        self._may_end.set()
        return self._done.result(DEADLINE_S)

    def _compute(self, scheduler: StreamScheduler, exclusive: bool) -> bool:
        with scheduler.acquire(exclusive=exclusive) as is_alone:
            self._begun.set()
            assert self._may_end.wait(DEADLINE_S)
            return is_alone


@pytest.fixture(name="pool")
def fixture_pool() -> Iterator[ThreadPoolExecutor]:
    """Return a pool of threads."""
    with ThreadPoolExecutor(8) as pool:
        yield pool


def test_a_single_pass_gets_all_streams(pool: ThreadPoolExecutor) -> None:
    scheduler = StreamScheduler(2)

    assert [True, True] == [Pass(scheduler, pool).await_turn().end() for _ in range(2)]


def test_later_passes_wait_for_an_exclusive_one(pool: ThreadPoolExecutor) -> None:
    scheduler = StreamScheduler(2)
    alone = Pass(scheduler, pool).await_turn()
    others = [Pass(scheduler, pool), Pass(scheduler, pool)]
    eventually(lambda: scheduler.waiting == 2, DEADLINE_S)

    were_computing = [other.is_computing for other in others]
    alone.end()

    assert [False, False] == were_computing
    for other in others:
        other.await_turn()
    assert [False, False] == [other.end() for other in others]


def test_no_more_passes_run_than_there_are_streams(pool: ThreadPoolExecutor) -> None:
    scheduler = StreamScheduler(2)
    alone = Pass(scheduler, pool).await_turn()
    first, second, third = (wait_in_line(scheduler, pool, number) for number in (1, 2, 3))
    alone.end()
    first.await_turn()
    second.await_turn()

    was_computing = third.is_computing
    first.end()
    third.await_turn()
    second.end()

    assert not was_computing
    assert third.end() is False


def test_an_exclusive_pass_waits_for_all_streams_and_later_ones_wait_for_it(
    pool: ThreadPoolExecutor,
) -> None:
    scheduler = StreamScheduler(2)
    alone = Pass(scheduler, pool).await_turn()
    shared = wait_in_line(scheduler, pool, 1)
    unshared = wait_in_line(scheduler, pool, 2, exclusive=True)
    behind = wait_in_line(scheduler, pool, 3)
    alone.end()
    shared.await_turn()

    were_computing = (unshared.is_computing, behind.is_computing)
    shared.end()
    unshared.await_turn()

    assert (False, False) == were_computing
    assert not behind.is_computing
    assert unshared.end()
    assert behind.await_turn().end()  # no other pass is left


def test_a_failed_pass_releases_its_streams(pool: ThreadPoolExecutor) -> None:
    scheduler = StreamScheduler(2)

    with pytest.raises(RuntimeError, match="failed"), scheduler.acquire(exclusive=False):
        raise RuntimeError("failed")

    assert Pass(scheduler, pool).await_turn().end()


def wait_in_line(
    scheduler: StreamScheduler, pool: ThreadPoolExecutor, number: int, *, exclusive: bool = False
) -> Pass:
    """Begin a pass while all streams are taken; return once it waits as the n-th."""
    waiter = Pass(scheduler, pool, exclusive=exclusive)
    eventually(lambda: scheduler.waiting == number, DEADLINE_S)
    return waiter
