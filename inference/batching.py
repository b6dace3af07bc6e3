"""Split texts into batches that the model computes in a bounded time; pure arithmetic."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate, islice
from typing import TypeVar

MAX_BATCH_SIZE = 32
# Bounds a forward pass to about a second with RoBERTa-base on two cores. A model reads at most as
# many tokens of a text as 2,500 characters make.
MAX_BATCH_CHARACTERS = 10_000
MAX_COUNTED_CHARACTERS = 2_500

Item = TypeVar("Item")


def batch_prefix_length(texts: Iterable[str]) -> int:
    """Return how many of the first texts make one batch: at least one, 0 without texts."""
    costs = [min(len(text), MAX_COUNTED_CHARACTERS) for text in islice(texts, MAX_BATCH_SIZE)]
    count = sum(cost <= MAX_BATCH_CHARACTERS for cost in accumulate(costs))
    return min(len(costs), max(1, count))


def split_batches(
    items: Sequence[Item], text_of: Callable[[Item], str]
) -> Iterator[Sequence[Item]]:
    """Yield the items in batches, in their order."""
    while count := batch_prefix_length(map(text_of, items)):
        yield items[:count]
        items = items[count:]
