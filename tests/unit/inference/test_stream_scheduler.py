"""Whoever is alone has all lanes; others share them, in the order in which they came."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event

import pytest

from inference.stream_scheduler import StreamScheduler
from tests.support.server import eventually

DEADLINE_S = 30


class Pass:
    """A pass in a thread of its own, which computes until it is ended."""

    def __init__(
        self, scheduler: StreamScheduler, pool: ThreadPoolExecutor, *, exclusive: bool = False
    ) -> None:
        self._begun, self._may_end = Event(), Event()
        self._done: Future[bool] = pool.submit(self._compute, scheduler, exclusive)

    @property
    def is_computing(self) -> bool:
        """Tell whether its turn has come."""
        return self._begun.is_set()

    def await_turn(self) -> "Pass":
        """Wait until its turn has come."""
        assert self._begun.wait(DEADLINE_S)
        return self

    def end(self) -> bool:
        """End it; return whether it had all lanes."""
        self._may_end.set()
        return self._done.result(DEADLINE_S)

    def _compute(self, scheduler: StreamScheduler, exclusive: bool) -> bool:
        with scheduler.acquire(exclusive=exclusive) as is_alone:
            self._begun.set()
            assert self._may_end.wait(DEADLINE_S)
            return is_alone


@pytest.fixture(name="pool")
def fixture_pool() -> Iterator[ThreadPoolExecutor]:
    """Lend threads for passes."""
    with ThreadPoolExecutor(8) as pool:
        yield pool


def test_who_is_alone_has_all_lanes_time_and_again(pool: ThreadPoolExecutor) -> None:
    scheduler = StreamScheduler(2)

    assert [True, True] == [Pass(scheduler, pool).await_turn().end() for _ in range(2)]


def test_who_comes_meanwhile_waits_for_the_end_of_who_is_alone(pool: ThreadPoolExecutor) -> None:
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


def test_no_more_compute_than_there_are_lanes(pool: ThreadPoolExecutor) -> None:
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


def test_one_that_must_not_share_waits_for_all_lanes_and_others_behind_it(
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
    assert behind.await_turn().end()  # there is nobody else by now


def test_a_pass_that_fails_gives_its_turn_back(pool: ThreadPoolExecutor) -> None:
    scheduler = StreamScheduler(2)

    with pytest.raises(RuntimeError, match="failed"), scheduler.acquire(exclusive=False):
        raise RuntimeError("failed")

    assert Pass(scheduler, pool).await_turn().end()


def wait_in_line(
    scheduler: StreamScheduler, pool: ThreadPoolExecutor, number: int, *, exclusive: bool = False
) -> Pass:
    """Begin a pass while all lanes are taken, and return once it is the n-th that waits."""
    waiter = Pass(scheduler, pool, exclusive=exclusive)
    eventually(lambda: scheduler.waiting == number, DEADLINE_S)
    return waiter
