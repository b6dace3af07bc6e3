"""Batches of texts of similar length."""

from collections.abc import Iterator, Sequence
from itertools import chain
from random import Random

from torch.utils.data import Sampler

POOL_BATCHES = 32
"""Batches that are sorted together; larger pools would save little more padding."""


class LengthGroupedSampler(Sampler[int]):
    """Sample all rows in random batches of similar length, different ones in each epoch.

    Random pools of rows are sorted by length and cut into batches, which are then shuffled; rows
    that fill no batch come last. The order depends only on the seed, so that all processes agree.

    transformers' sampler of that name splits the rows into at least 4 pools: for the default of
    1,000 tweets in batches of 32 that is 8 % more padded tokens, and as much more time.
    """

    def __init__(self, lengths: Sequence[int], batch_size: int, seed: int) -> None:
        self._lengths = lengths
        self._batch_size = batch_size
        self._rng = Random(seed)

    def __len__(self) -> int:
        return len(self._lengths)

    def __iter__(self) -> Iterator[int]:
        order = list(range(len(self._lengths)))
        self._rng.shuffle(order)
        rest = len(order) % self._batch_size
        batches: list[Sequence[int]] = []
        for pool in _cut(order[rest:], POOL_BATCHES * self._batch_size):
            batches += _cut(sorted(pool, key=self._lengths.__getitem__), self._batch_size)
        self._rng.shuffle(batches)
        return chain(*batches, order[:rest])


def _cut(indices: Sequence[int], size: int) -> list[Sequence[int]]:
    return [indices[start : start + size] for start in range(0, len(indices), size)]
