"""Texts of like length share a forward pass."""

import random

from inference.batching import chunks_by_length


def test_every_text_is_in_exactly_one_chunk() -> None:
    lengths = [random.Random(7).randint(1, 128) for _ in range(100)]

    chunks = chunks_by_length(lengths, size=16)

    assert list(range(100)) == sorted(position for chunk in chunks for position in chunk)


def test_chunks_are_full_but_for_the_last() -> None:
    assert [16, 16, 3] == [len(chunk) for chunk in chunks_by_length([5] * 35, size=16)]


def test_chunks_hold_neighbouring_lengths() -> None:
    assert [[1, 3], [0, 2]] == chunks_by_length([90, 4, 91, 5], size=2)


def test_texts_of_one_length_keep_their_order() -> None:
    assert [[0, 1, 2]] == chunks_by_length([4, 4, 4], size=16)


def test_no_texts_make_no_chunks() -> None:
    assert [] == chunks_by_length([])
