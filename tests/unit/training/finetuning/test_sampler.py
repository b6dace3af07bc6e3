"""Texts of similar length share a batch, different ones in each epoch."""

import pytest

pytest.importorskip("torch", reason="the training group is not installed")
pytest.importorskip("transformers", reason="the training group is not installed")

# pylint: disable=wrong-import-position  # only if the training group is installed
from training.finetuning.sampler import LengthGroupedSampler

LENGTHS = [5 + (number * 7) % 40 for number in range(203)]
BATCH = 16


def batches(sampler):
    """Return the batches of an epoch."""
    order = list(sampler)
    return [order[start : start + BATCH] for start in range(0, len(order), BATCH)]


@pytest.mark.parametrize("lengths", [LENGTHS, [5, 6, 7]])
def test_every_text_is_sampled_once(lengths):
    sampler = LengthGroupedSampler(lengths, BATCH, seed=1)

    assert list(range(len(lengths))) == sorted(sampler)
    assert len(lengths) == len(sampler)


def test_full_batches_have_little_padding_and_no_order_of_length():
    *full, _ = batches(LengthGroupedSampler(LENGTHS, BATCH, seed=1))

    longest = [max(LENGTHS[index] for index in batch) for batch in full]
    assert BATCH * sum(longest) < 1.1 * sum(LENGTHS[index] for batch in full for index in batch)
    assert longest not in (sorted(longest), sorted(longest, reverse=True))


def test_the_order_depends_on_seed_and_epoch():
    sampler, same, other = (LengthGroupedSampler(LENGTHS, BATCH, seed) for seed in (1, 1, 2))

    first, second = batches(sampler), batches(sampler)

    assert first == batches(same)
    assert first != batches(other)
    assert {frozenset(batch) for batch in first} != {frozenset(batch) for batch in second}
