"""From texts to the tokens that a model reads."""

from collections.abc import Sequence

from tokenizers import Tokenizer

from inference.model_folder import ModelFolder
from inference.normalization import normalize

PANIC = "PanicException"
"""What Rust's panics are in Python: no Exception, and nothing that could be imported."""


class TweetTokenizer:
    """Normalise and tokenize texts, cut off at the model's own limit."""

    def __init__(self, folder: ModelFolder) -> None:
        self._tokenizer = Tokenizer.from_file(str(folder.tokenizer_path))
        self._tokenizer.no_padding()  # texts share rows instead
        self._tokenizer.enable_truncation(folder.max_tokens)

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the token ids of each text, special ones included.

        Raises what the tokenizer raises, and RuntimeError where it panics.
        """
        try:
            encodings = self._tokenizer.encode_batch_fast([normalize(text) for text in texts])
        except BaseException as error:
            if type(error).__name__ == PANIC:
                raise RuntimeError(f"the tokenizer panicked: {error}") from error
            raise
        return [encoding.ids for encoding in encodings]
