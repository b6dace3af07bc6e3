"""From texts to the tokens that a model reads."""

from collections.abc import Sequence
from dataclasses import dataclass

from tokenizers import Tokenizer

from inference.model_folder import ModelFolder
from inference.normalization import normalize

PANIC = "PanicException"
"""What Rust's panics are in Python: no Exception, and nothing that could be imported."""


@dataclass(frozen=True, slots=True)
class TokenizedText:
    """The tokens of one text that the model reads.

    ``ids`` include the special tokens; ``truncated`` is true if the text has more tokens than the
    model reads.
    """

    ids: list[int]
    truncated: bool


class TweetTokenizer:
    """Normalise and tokenize texts, cut off at the model's own limit."""

    def __init__(self, folder: ModelFolder) -> None:
        self._tokenizer = Tokenizer.from_file(str(folder.tokenizer_path))
        self._tokenizer.no_padding()  # texts share rows instead
        self._tokenizer.enable_truncation(folder.max_tokens)

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the token ids alone; see `tokenize`."""
        return [text.ids for text in self.tokenize(texts)]

    def tokenize(self, texts: Sequence[str]) -> list[TokenizedText]:
        """Return the tokens of each text that the model reads.

        Raises what the tokenizer raises, and RuntimeError where it panics.
        """
        try:
            encodings = self._tokenizer.encode_batch_fast([normalize(text) for text in texts])
        except BaseException as error:
            if type(error).__name__ == PANIC:
                raise RuntimeError(f"the tokenizer panicked: {error}") from error
            raise
        # what was cut off is kept in `overflowing`, which is empty unless something was
        return [TokenizedText(each.ids, bool(each.overflowing)) for each in encodings]
