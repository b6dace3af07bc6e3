"""Which texts share a batch."""

from collections.abc import Iterator, Sequence
from itertools import chain
from random import Random

from torch.utils.data import Sampler

POOL_BATCHES = 32
"""Of so many batches at a time the texts are sorted. More of them would save little padding."""


class LengthGroupedSampler(Sampler[int]):
    """Give the numbers of all texts, so that each batch in turn has texts of like length.

    Texts are drawn into pools, and batches cut from each pool sorted by length; then the
    batches are shuffled, and the texts that fill no batch come last. What shares a batch is
    another choice in every epoch. The order rests on the seed alone, so that processes that
    take turns at the parts of a batch see the same.
    """

    def __init__(self, lengths: Sequence[int], batch: int, seed: int) -> None:
        self._lengths = lengths
        self._batch = batch
        self._chance = Random(seed)

    def __len__(self) -> int:
        return len(self._lengths)

    def __iter__(self) -> Iterator[int]:
        order = list(range(len(self._lengths)))
        self._chance.shuffle(order)
        rest = len(order) % self._batch
        batches: list[Sequence[int]] = []
        for pool in _cut(order[rest:], POOL_BATCHES * self._batch):
            batches += _cut(sorted(pool, key=self._lengths.__getitem__), self._batch)
        self._chance.shuffle(batches)
        return chain(*batches, order[:rest])


def _cut(numbers: Sequence[int], size: int) -> list[Sequence[int]]:
    return [numbers[start : start + size] for start in range(0, len(numbers), size)]
