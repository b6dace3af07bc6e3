"""The vocabulary is learnt from texts, and any text can be read with it."""

import pytest

pytest.importorskip("transformers", reason="the training group is not installed")

# pylint: disable=wrong-import-position  # only if the training group is installed
from transformers import AutoTokenizer

from training.starter.tokenizer import encode, learn_vocabulary, save_tokenizer

TEXTS = ["Good morning, good people", "a good day to all people", "Good night"] * 3


@pytest.fixture(name="tokenizer")
def fixture_tokenizer():
    """Give a vocabulary in which whole words found room."""
    return learn_vocabulary(TEXTS, size=300, max_length=16)


def test_learns_frequent_words_as_one_token(tokenizer):
    assert ["Ġgood", "Ġpeople"] == tokenizer.tokenize("good people")


def test_upper_case_and_compatibility_forms_are_folded(tokenizer):
    assert tokenizer.tokenize("good people") == tokenizer.tokenize(
        "\uff27\uff2f\uff2f\uff24 People"
    )


def test_no_text_is_without_tokens(tokenizer):
    found = tokenizer("😀 ñ ж")["input_ids"]

    assert tokenizer.unk_token_id not in found
    assert "😀 ñ ж" == tokenizer.decode(found, skip_special_tokens=True).strip()


def test_special_tokens_have_the_ids_that_roberta_expects(tokenizer):
    assert [0, 1, 2, 3, 4] == tokenizer.convert_tokens_to_ids(
        ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    )
    assert [0, 2] == encode(tokenizer, [""])[0]


def test_texts_are_cut_at_the_limit(tokenizer):
    assert 16 == len(encode(tokenizer, ["good " * 50])[0])


def test_the_vocabulary_stays_within_its_size(tokenizer):
    assert 300 >= len(tokenizer)


def test_what_is_saved_loads_and_reads_texts_alike(tokenizer, tmp_path):
    save_tokenizer(tokenizer, tmp_path)

    loaded = AutoTokenizer.from_pretrained(tmp_path)

    assert tokenizer(TEXTS)["input_ids"] == loaded(TEXTS)["input_ids"]
    assert 16 == loaded.model_max_length
