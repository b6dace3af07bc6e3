"""Texts are packed into the rows of a forward pass."""

import random
from itertools import chain

import numpy as np
import pytest

from inference.packing import (
    INPUTS,
    LONG_WIDTH_STEP,
    ROW_TOKENS,
    ROWS,
    WIDTH_STEP,
    collate,
    pack,
    packed_shapes,
    single_text_shapes,
)

PAD = 1


def lengths_of(texts: int, longest: int) -> list[int]:
    """Return random lengths."""
    chance = random.Random(7)
    return [chance.randint(3, longest) for _ in range(texts)]


def shapes_of(lengths: list[int]) -> list[tuple[int, ...]]:
    """Return the shapes of all passes of texts of these lengths."""
    token_ids = [[5] * length for length in lengths]
    return [collate(rows, token_ids, PAD)["input_ids"].shape for rows in pack(lengths)]


@pytest.mark.parametrize("texts", [1, 2, 3, 31, 64, 128])
@pytest.mark.parametrize("longest", [4, 40, 128, 512])
def test_every_text_is_in_exactly_one_row(texts: int, longest: int) -> None:
    passes = pack(lengths_of(texts, longest))

    packed = chain.from_iterable(chain.from_iterable(passes))
    assert list(range(texts)) == sorted(packed)


def test_no_row_exceeds_its_tokens() -> None:
    lengths = lengths_of(100, ROW_TOKENS)

    rows = list(chain.from_iterable(pack(lengths)))

    assert max(sum(lengths[position] for position in row) for row in rows) <= ROW_TOKENS


def test_no_pass_has_more_than_a_few_rows() -> None:
    assert [4, 4, 2] == [len(rows) for rows in pack([ROW_TOKENS] * 10)]


def test_there_is_little_padding() -> None:
    lengths = lengths_of(64, 75)  # as real tweets: 39 tokens on average

    tokens = sum(rows * width for rows, width in shapes_of(lengths))

    assert sum(lengths) / tokens > 0.95


def test_a_text_longer_than_a_row_has_a_pass_of_its_own() -> None:
    passes = pack([10, ROW_TOKENS + 1, 20, 500])

    assert [[3]] in passes
    assert [[1]] in passes


def test_a_row_with_few_tokens_gets_a_narrow_pass() -> None:
    assert [(1, 16), (1, 128)] == shapes_of([ROW_TOKENS, 5, 5])
    assert [(2, 128)] == shapes_of([ROW_TOKENS, 100])


@pytest.mark.parametrize(
    ("length", "width"), [(1, 28), (28, 28), (29, 36), (36, 36), (37, 40), (129, 192)]
)
def test_a_single_short_text_has_one_of_two_widths(length: int, width: int) -> None:
    assert [(1, width)] == shapes_of([length])


def test_passes_have_few_shapes() -> None:
    wanted = {(1, width) for width in range(WIDTH_STEP, ROW_TOKENS + 1, WIDTH_STEP)}
    wanted |= {(1, width) for width in (28, 36, *range(192, 513, LONG_WIDTH_STEP))}
    wanted |= {(rows, ROW_TOKENS) for rows in range(2, ROWS + 1)}
    chance = random.Random(3)

    seen: set[tuple[int, ...]] = set()
    for _ in range(100):
        seen.update(shapes_of([chance.randint(2, 512) for _ in range(chance.randint(1, 40))]))
    for _ in range(300):
        seen.update(shapes_of([chance.randint(2, 60) for _ in range(chance.randint(1, 20))]))

    assert wanted == seen


def test_warm_up_covers_all_usual_shapes() -> None:
    shared = list(packed_shapes())

    assert [[[28]], [[36]]] == list(single_text_shapes())
    for rows in ([[4, 4]], [[60, 60]], [[64, 64]], [[128]] * 2, [[128]] * ROWS):
        assert rows in shared


def test_no_texts_give_no_passes() -> None:
    assert [] == pack([])


def test_collated_inputs_have_segments_and_positions_of_each_text() -> None:
    arrays = collate([[1, 0], [2]], [[10, 11], [20, 21, 22], [30] * 128], PAD)

    assert set(INPUTS) == set(arrays)
    assert [20, 21, 22, 10, 11, PAD, PAD] == arrays["input_ids"][0, :7].tolist()
    assert [1, 1, 1, 2, 2, 0, 0] == arrays["segment_ids"][0, :7].tolist()
    assert [0, 1, 2, 0, 1, 0, 0] == arrays["position_ids"][0, :7].tolist()
    assert list(range(128)) == arrays["position_ids"][1].tolist()
    assert {1} == set(arrays["segment_ids"][1].tolist())


def test_first_tokens_are_in_the_order_of_the_rows() -> None:
    arrays = collate([[1, 0], [2]], [[10, 11], [20, 21, 22], [30] * 128], PAD)

    assert [0, 3, 128] == arrays["first_tokens"].tolist()
    assert [20, 10, 30] == arrays["input_ids"].reshape(-1)[arrays["first_tokens"]].tolist()
    assert {np.dtype(np.int64)} == {array.dtype for array in arrays.values()}
