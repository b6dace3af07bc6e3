"""From texts to the tokens that a model reads."""

from collections.abc import Sequence

from tokenizers import Tokenizer

from inference.model_folder import ModelFolder
from inference.normalization import normalize


class TweetTokenizer:
    """Normalise and tokenize texts, cut off at the model's own limit."""

    def __init__(self, folder: ModelFolder) -> None:
        self._tokenizer = Tokenizer.from_file(str(folder.tokenizer_path))
        self._tokenizer.no_padding()  # texts share rows instead
        self._tokenizer.enable_truncation(folder.max_tokens)

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the token ids of each text, special ones included."""
        encodings = self._tokenizer.encode_batch_fast([normalize(text) for text in texts])
        return [encoding.ids for encoding in encodings]
