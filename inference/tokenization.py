"""From texts to the arrays that a model reads."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from tokenizers import Encoding, Tokenizer

from inference.model_folder import ModelFolder
from inference.normalization import normalize

# The runtime keeps what it prepared for every shape it has seen: with lengths in steps of 8, the
# starter model took 366 MB instead of 699 after 7,000 tweets in batches, at the same speed.
LENGTH_MULTIPLE = 8

Arrays: TypeAlias = dict[str, np.ndarray]


class TweetTokenizer:
    """Normalise and tokenize texts, cut off at the model's own limit."""

    def __init__(self, folder: ModelFolder) -> None:
        self._tokenizer = Tokenizer.from_file(str(folder.tokenizer_path))
        self._tokenizer.no_padding()  # chunks are padded to their own longest text
        self._tokenizer.enable_truncation(folder.max_tokens)
        self._max_tokens = folder.max_tokens
        self._pad_token_id = folder.pad_token_id

    def encode(self, texts: Sequence[str]) -> list[Encoding]:
        """Tokenize each text, special tokens included."""
        return self._tokenizer.encode_batch([normalize(text) for text in texts])

    def pad(self, encodings: Sequence[Encoding]) -> Arrays:
        """Stack encodings to int64 arrays of shape [texts, tokens].

        That is as many tokens as the longest has, rounded up to a multiple of 8 within the limit.
        The keys are the input names that transformers' encoders share: ``input_ids``,
        ``attention_mask`` (0 where padded) and ``token_type_ids``.
        """
        longest = max(len(encoding) for encoding in encodings)
        rounded = -(-longest // LENGTH_MULTIPLE) * LENGTH_MULTIPLE
        shape = (len(encodings), min(rounded, self._max_tokens))
        input_ids = np.full(shape, self._pad_token_id, dtype=np.int64)
        attention_mask = np.zeros(shape, dtype=np.int64)
        token_type_ids = np.zeros(shape, dtype=np.int64)
        for row, encoding in enumerate(encodings):
            length = len(encoding)
            input_ids[row, :length] = encoding.ids
            attention_mask[row, :length] = 1
            token_type_ids[row, :length] = encoding.type_ids
        return {
            "input_ids": input_ids,
            "attention_mask": attention_mask,
            "token_type_ids": token_type_ids,
        }
