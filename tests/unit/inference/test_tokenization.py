"""Texts become the arrays that the model was trained on."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from inference.model_folder import ModelFolder
from inference.tokenization import TweetTokenizer


@pytest.fixture(name="folder")
def fixture_folder(starter: Path) -> ModelFolder:
    """Read the starter model's folder."""
    return ModelFolder.read(starter)


@pytest.fixture(name="tokenizer")
def fixture_tokenizer(folder: ModelFolder) -> TweetTokenizer:
    """Load the starter model's tokenizer."""
    return TweetTokenizer(folder)


def test_user_names_and_links_are_normalised(tokenizer: TweetTokenizer) -> None:
    named, plain = tokenizer.encode(["@jane saw https://example.com", "@user saw http"])

    assert plain.ids == named.ids


def test_a_long_text_is_cut_at_the_models_limit_with_its_end_token(
    tokenizer: TweetTokenizer, folder: ModelFolder
) -> None:
    (short, long) = tokenizer.encode(["good", "good " * 2500])

    assert folder.max_tokens == len(long)
    assert (short.ids[0], short.ids[-1]) == (long.ids[0], long.ids[-1])


@pytest.mark.parametrize(
    ("words", "expected"), [(1, 8), (6, 8), (7, 16), (118, 120), (119, 128), (1000, 128)]
)
def test_texts_are_padded_to_the_next_multiple_of_8_within_the_limit(
    tokenizer: TweetTokenizer, words: int, expected: int
) -> None:
    (encoding,) = tokenizer.encode(["good " * (words - 1) + "good"])

    assert (1, expected) == tokenizer.pad([encoding])["input_ids"].shape
    assert min(words + 2, 128) == len(encoding)


def test_a_limit_that_is_no_multiple_is_not_passed(folder: ModelFolder) -> None:
    tokenizer = TweetTokenizer(replace(folder, max_tokens=13))

    assert (1, 13) == tokenizer.pad(tokenizer.encode(["good " * 50]))["input_ids"].shape


def test_padding_is_masked(tokenizer: TweetTokenizer, folder: ModelFolder) -> None:
    encodings = tokenizer.encode(["good", "good good good"])

    arrays = tokenizer.pad(encodings)

    lengths = [len(encoding) for encoding in encodings]
    assert lengths == arrays["attention_mask"].sum(axis=1).tolist()
    assert np.all(arrays["input_ids"][arrays["attention_mask"] == 0] == folder.pad_token_id)
    assert {np.dtype(np.int64)} == {array.dtype for array in arrays.values()}


@pytest.mark.parametrize("text", ["\x00", "😀" * 5000, "\u202eabc", "👩‍👩‍👧‍👦", " "])
def test_odd_texts_are_encoded_like_any_other(tokenizer: TweetTokenizer, text: str) -> None:
    (encoding,) = tokenizer.encode([text])

    assert len(encoding) >= 2
