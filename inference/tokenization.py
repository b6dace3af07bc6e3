"""Normalize and tokenize texts."""

from collections.abc import Sequence
from dataclasses import dataclass

from tokenizers import Tokenizer

from inference.model_folder import ModelFolder
from inference.normalization import normalize

PANIC = "PanicException"
"""The class of Rust panics, a BaseException that cannot be imported."""


@dataclass(frozen=True, slots=True)
class TokenizedText:
    """One tokenized text.

    ``ids`` include the special tokens; ``truncated`` is true if the text was longer.
    """

    ids: list[int]
    truncated: bool


class TweetTokenizer:
    """Normalize and tokenize texts, truncated at the model's limit."""

    def __init__(self, folder: ModelFolder) -> None:
        self._tokenizer = Tokenizer.from_file(str(folder.tokenizer_path))
        self._tokenizer.no_padding()  # rows are packed instead
        self._tokenizer.enable_truncation(folder.max_tokens)

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the token ids only; see `tokenize`."""
        return [text.ids for text in self.tokenize(texts)]

    def tokenize(self, texts: Sequence[str]) -> list[TokenizedText]:
        """Return the tokens of each text.

        Raises the tokenizer's exceptions, and RuntimeError if it panics.
        """
        try:
            encodings = self._tokenizer.encode_batch_fast([normalize(text) for text in texts])
        except BaseException as error:
            if type(error).__name__ == PANIC:
                raise RuntimeError(f"the tokenizer panicked: {error}") from error
            raise
        # `overflowing` holds the tokens that were cut off
        return [TokenizedText(each.ids, bool(each.overflowing)) for each in encodings]
