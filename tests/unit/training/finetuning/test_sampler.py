"""Texts of like length share a batch, another one in every epoch."""

import pytest

pytest.importorskip("torch", reason="the training group is not installed")
pytest.importorskip("transformers", reason="the training group is not installed")

# pylint: disable=wrong-import-position  # only where the training group is installed
from training.finetuning.sampler import LengthGroupedSampler

LENGTHS = [5 + (number * 7) % 40 for number in range(203)]
BATCH = 16


def batches(order):
    """Cut an order into batches."""
    return [order[start : start + BATCH] for start in range(0, len(order), BATCH)]


def test_every_text_comes_once():
    order = list(LengthGroupedSampler(LENGTHS, BATCH, seed=1))

    assert list(range(203)) == sorted(order)
    assert 203 == len(LengthGroupedSampler(LENGTHS, BATCH, seed=1))


def test_little_is_padded_but_in_the_last_batch():
    *whole, _ = batches(list(LengthGroupedSampler(LENGTHS, BATCH, seed=1)))

    padded = sum(BATCH * max(LENGTHS[number] for number in batch) for batch in whole)
    tokens = sum(LENGTHS[number] for batch in whole for number in batch)

    assert padded < 1.1 * tokens


def test_batches_come_in_no_order_of_length():
    *whole, _ = batches(list(LengthGroupedSampler(LENGTHS, BATCH, seed=1)))

    longest = [max(LENGTHS[number] for number in batch) for batch in whole]

    assert longest not in (sorted(longest), sorted(longest, reverse=True))


def test_the_order_rests_on_the_seed():
    first, again, other = (list(LengthGroupedSampler(LENGTHS, BATCH, seed)) for seed in (1, 1, 2))

    assert first == again
    assert first != other


def test_the_next_epoch_mixes_other_batches():
    sampler = LengthGroupedSampler(LENGTHS, BATCH, seed=1)

    first, second = ({frozenset(batch) for batch in batches(list(sampler))} for _ in range(2))

    assert first != second


def test_fewer_texts_than_a_batch_are_one():
    assert [0, 1, 2] == sorted(LengthGroupedSampler([5, 6, 7], BATCH, seed=1))
