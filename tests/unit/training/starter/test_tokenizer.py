"""The tokenizer is trained on texts, and can encode any text."""

import pytest

pytest.importorskip("transformers", reason="the training group is not installed")

# pylint: disable=wrong-import-position  # only if the training group is installed
from transformers import AutoTokenizer

from training.starter.tokenizer import encode, save_tokenizer, train_tokenizer

TEXTS = ["Good morning, good people", "a good day to all people", "Good night"] * 3


@pytest.fixture(name="tokenizer")
def fixture_tokenizer():
    """Return a tokenizer with whole words in its vocabulary."""
    return train_tokenizer(TEXTS, size=300, max_length=16)


def test_frequent_words_are_one_token(tokenizer):
    assert ["Ġgood", "Ġpeople"] == tokenizer.tokenize("good people")


def test_upper_case_and_compatibility_forms_are_folded(tokenizer):
    assert tokenizer.tokenize("good people") == tokenizer.tokenize(
        "\uff27\uff2f\uff2f\uff24 People"
    )


def test_any_text_can_be_encoded(tokenizer):
    found = tokenizer("😀 ñ ж")["input_ids"]

    assert tokenizer.unk_token_id not in found
    assert "😀 ñ ж" == tokenizer.decode(found, skip_special_tokens=True).strip()


def test_special_tokens_have_the_ids_that_roberta_expects(tokenizer):
    assert [0, 1, 2, 3, 4] == tokenizer.convert_tokens_to_ids(
        ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    )
    assert [0, 2] == encode(tokenizer, [""])[0]


def test_texts_are_truncated_to_the_limit(tokenizer):
    assert 16 == len(encode(tokenizer, ["good " * 50])[0])


def test_the_vocabulary_has_at_most_its_size(tokenizer):
    assert 300 >= len(tokenizer)


def test_a_saved_tokenizer_encodes_texts_alike(tokenizer, tmp_path):
    save_tokenizer(tokenizer, tmp_path)

    loaded = AutoTokenizer.from_pretrained(tmp_path)

    assert tokenizer(TEXTS)["input_ids"] == loaded(TEXTS)["input_ids"]
    assert 16 == loaded.model_max_length
