"""Texts are tokenized as in training."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from inference.model_folder import ModelFolder
from inference.tokenization import TweetTokenizer

ROBERTA_TOKENS = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
BERT_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
CHARACTERS = "▁abcdefghijklmnopqrstuvwxyz</>[]"


def unigram() -> Tokenizer:
    """Return a tokenizer like XLM-RoBERTa's, with special tokens in its vocabulary."""
    pieces = [(token, 0.0) for token in ROBERTA_TOKENS] + [(one, -4.0) for one in CHARACTERS]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=3))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.add_special_tokens(list(ROBERTA_TOKENS))
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    return tokenizer


def word_piece() -> Tokenizer:
    """Return a tokenizer like BERT's."""
    pieces = (*BERT_TOKENS, *CHARACTERS, *(f"##{one}" for one in CHARACTERS))
    tokenizer = Tokenizer(
        models.WordPiece({piece: i for i, piece in enumerate(pieces)}, unk_token="[UNK]")  # noqa: S106
    )
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(list(BERT_TOKENS))
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return tokenizer


@pytest.fixture(name="folder")
def fixture_folder(starter: Path) -> ModelFolder:
    """Read the starter model's folder."""
    return ModelFolder.read(starter)


@pytest.fixture(name="tokenizer")
def fixture_tokenizer(folder: ModelFolder) -> TweetTokenizer:
    """Load the starter model's tokenizer."""
    return TweetTokenizer(folder)


def test_user_names_and_links_are_normalized(tokenizer: TweetTokenizer) -> None:
    named, plain = tokenizer.encode(["@jane saw https://example.com", "@user saw http"])

    assert plain == named


@pytest.mark.parametrize("kind", [unigram, word_piece, None])
@pytest.mark.parametrize("token", [*ROBERTA_TOKENS, *BERT_TOKENS])
def test_special_tokens_in_a_text_are_text(
    folder: ModelFolder, tmp_path: Path, kind: Callable[[], Tokenizer] | None, token: str
) -> None:
    if kind is not None:
        kind().save(str(tmp_path / "tokenizer.json"))
        folder = replace(folder, path=tmp_path)
    known = Tokenizer.from_file(str(folder.tokenizer_path))
    control = {known.token_to_id(each) for each in (*ROBERTA_TOKENS, *BERT_TOKENS)} - {None}
    tokenizer = TweetTokenizer(folder)

    (token_ids,) = tokenizer.encode([f"so {token}{token.upper()} x{token}"])

    assert not control & set(token_ids[1:-1])
    assert control > {token_ids[0], token_ids[-1]}


def test_a_long_text_is_truncated_and_ends_with_the_end_token(
    tokenizer: TweetTokenizer, folder: ModelFolder
) -> None:
    (short, long) = tokenizer.encode(["good", "good " * 2500])

    assert folder.max_tokens == len(long)
    assert (short[0], short[-1]) == (long[0], long[-1])


def test_a_lower_limit_is_used(folder: ModelFolder) -> None:
    tokenizer = TweetTokenizer(replace(folder, max_tokens=13))

    assert [13] == [len(ids) for ids in tokenizer.encode(["good " * 50])]


def test_a_longer_text_is_marked_as_truncated(folder: ModelFolder) -> None:
    whole = TweetTokenizer(folder).tokenize(["good"])[0].ids
    room = folder.max_tokens - len(whole) + 1

    marks = {
        count: TweetTokenizer(folder).tokenize(["good " * (count - 1) + "good"])[0].truncated
        for count in (1, room - 1, room, room + 1, 2 * room)
    }

    assert [False, False, False, True, True] == list(marks.values())


@pytest.mark.parametrize("max_tokens", [3, 13, 128])
def test_truncation_is_marked_per_text(
    folder: ModelFolder, tweets: list[str], max_tokens: int
) -> None:
    unlimited = TweetTokenizer(replace(folder, max_tokens=10**6)).encode(tweets)

    tokenized = TweetTokenizer(replace(folder, max_tokens=max_tokens)).tokenize(tweets)

    assert [len(ids) > max_tokens for ids in unlimited] == [each.truncated for each in tokenized]


@pytest.mark.parametrize("text", ["\x00", "😀" * 5000, "\u202eabc", "👩‍👩‍👧‍👦", " "])
def test_unusual_texts_can_be_tokenized(tokenizer: TweetTokenizer, text: str) -> None:
    (token_ids,) = tokenizer.encode([text])

    assert len(token_ids) >= 2


def test_a_panic_of_the_tokenizer_is_an_error(
    tokenizer: TweetTokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    class PanicException(BaseException):  # pyo3's own cannot be imported
        """The class of Rust panics in Python."""

    class Panicking:
        """A tokenizer that panics."""

        def encode_batch_fast(self, texts: list[str]) -> None:
            """Panic."""
            raise PanicException(f"NormalizedString bad split of {texts[0]}")

    monkeypatch.setattr(tokenizer, "_tokenizer", Panicking())

    with pytest.raises(RuntimeError, match="panicked: NormalizedString bad split of a text"):
        tokenizer.encode(["a text"])
