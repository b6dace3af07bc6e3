"""Requests share a batch where the model is busy, and wait for no others where it is not."""

import asyncio

from bentoml._internal.marshal.dispatcher import CorkDispatcher

from api.batching import EagerOptimizer, batch_eagerly

SLOW_S = 0.5


async def answers_and_batches(count: int) -> tuple[list[int], list[int]]:
    """Ask so often at once for the double of a number; return the answers and sizes of batches."""
    batches: list[int] = []

    async def double(numbers: tuple[int, ...]) -> list[int]:
        batches.append(len(numbers))
        await asyncio.sleep(0.01)
        return [2 * number for number in numbers]

    dispatcher: CorkDispatcher[int, int] = CorkDispatcher(
        10_000, max_batch_size=8, fallback=lambda: -1, get_batch_size=lambda _: 1
    )
    call = dispatcher(double)
    for number in range(20):  # BentoML takes the first ones to learn how long batches take
        await call(number)
    del batches[:]
    answers = await asyncio.gather(*(call(number) for number in range(count)))
    dispatcher.shutdown()
    return [answer or 0 for answer in answers], batches


def test_bentomls_dispatchers_batch_eagerly() -> None:
    batch_eagerly()

    dispatcher: CorkDispatcher[int, int] = CorkDispatcher(
        10_000, max_batch_size=8, fallback=lambda: -1
    )

    assert isinstance(dispatcher.optimizer, EagerOptimizer)


def test_requests_share_batches_and_each_gets_its_own_answer() -> None:
    batch_eagerly()

    answers, batches = asyncio.run(answers_and_batches(20))

    assert [2 * number for number in range(20)] == answers
    assert 20 == sum(batches)
    assert 8 == max(batches)


def test_that_requests_waited_lately_makes_later_ones_wait_no_longer() -> None:
    optimizer = EagerOptimizer(10)

    for _ in range(20):
        optimizer.log_outbound(n=32, wait=SLOW_S, duration=SLOW_S)
    optimizer.trigger_refresh()

    assert 0 == optimizer.wait
    assert SLOW_S / 2 < 32 * optimizer.o_a + optimizer.o_b < 2 * SLOW_S
