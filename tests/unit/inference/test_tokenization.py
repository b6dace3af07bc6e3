"""Texts become the tokens that the model was trained on."""

from dataclasses import replace
from pathlib import Path

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

    assert plain == named


def test_a_long_text_is_cut_at_the_models_limit_with_its_end_token(
    tokenizer: TweetTokenizer, folder: ModelFolder
) -> None:
    (short, long) = tokenizer.encode(["good", "good " * 2500])

    assert folder.max_tokens == len(long)
    assert (short[0], short[-1]) == (long[0], long[-1])


def test_a_limit_of_fewer_tokens_holds(folder: ModelFolder) -> None:
    tokenizer = TweetTokenizer(replace(folder, max_tokens=13))

    assert [13] == [len(ids) for ids in tokenizer.encode(["good " * 50])]


@pytest.mark.parametrize("text", ["\x00", "😀" * 5000, "\u202eabc", "👩‍👩‍👧‍👦", " "])
def test_odd_texts_are_encoded_like_any_other(tokenizer: TweetTokenizer, text: str) -> None:
    (token_ids,) = tokenizer.encode([text])

    assert len(token_ids) >= 2


def test_a_panic_is_an_error_like_any_other(
    tokenizer: TweetTokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    class PanicException(BaseException):  # pyo3's own cannot be imported
        """What a panic in Rust is in Python."""

    class Panicking:
        """Stand in for a tokenizer that has such a bug: 0.23.3 is not known to."""

        def encode_batch_fast(self, texts: list[str]) -> None:
            """Panic."""
            raise PanicException(f"NormalizedString bad split of {texts[0]}")

    monkeypatch.setattr(tokenizer, "_tokenizer", Panicking())

    with pytest.raises(RuntimeError, match="panicked: NormalizedString bad split of a text"):
        tokenizer.encode(["a text"])
