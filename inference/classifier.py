"""Texts in, class probabilities out."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from tokenizers import Encoding

from inference.batching import CHUNK_SIZE, chunks_by_length
from inference.model_folder import ModelFolder
from inference.runtime import OpenVinoRuntime, Runtime
from inference.tokenization import TweetTokenizer

logger = logging.getLogger(__name__)

WARM_UP_TOKENS = (8, 16, 32, 64, 128)


class ClassificationError(Exception):
    """The model failed on one text."""

    def __init__(self, position: int) -> None:
        super().__init__(f"the model failed on the text at position {position}")
        self.position = position


@dataclass(frozen=True, slots=True)
class Classification:
    """What the model says of one text.

    ``probabilities`` stand in the order of the classifier's labels and sum to 1;
    ``batch_size`` is the number of texts that shared the forward pass.
    """

    probabilities: tuple[float, ...]
    batch_size: int


Outcome: TypeAlias = tuple[int, Classification | ClassificationError]


class Classifier:
    """A sequence classification model, its tokenizer and the runtime that executes it."""

    def __init__(self, folder: ModelFolder, runtime: Runtime) -> None:
        self.labels = folder.labels
        self.runtime = runtime
        self._max_tokens = folder.max_tokens
        self._tokenizer = TweetTokenizer(folder)

    @classmethod
    def load(cls, path: Path) -> "Classifier":
        """Load a model folder. Raises ModelFolderError where it holds no such model."""
        folder = ModelFolder.read(path)
        return cls(folder, OpenVinoRuntime(folder.graph_path))

    def classify(self, texts: Sequence[str]) -> np.ndarray:
        """Return float64 probabilities [texts, labels].

        Raises ClassificationError, with the position, for the first text that fails.
        """
        outcomes = self.classify_each(texts)
        for outcome in outcomes:
            if isinstance(outcome, ClassificationError):
                raise outcome
        rows = [outcome.probabilities for outcome in outcomes]  # type: ignore[union-attr]
        return np.array(rows).reshape(len(texts), len(self.labels))

    def classify_each(self, texts: Sequence[str]) -> list[Classification | ClassificationError]:
        """Classify every text on its own account: one that fails leaves its neighbours alone."""
        encodings = self._tokenizer.encode(texts)
        outcomes: dict[int, Classification | ClassificationError] = {}
        for chunk in chunks_by_length([len(encoding) for encoding in encodings]):
            outcomes.update(self._run(chunk, encodings))
        return [outcomes[position] for position in range(len(texts))]

    def warm_up(self) -> None:
        """Run short and long texts, alone and in chunks, so that no request pays for it."""
        for tokens in WARM_UP_TOKENS:
            text = "a " * min(tokens, self._max_tokens)
            self.classify([text])
            self.classify([text] * CHUNK_SIZE)

    def _run(self, chunk: Sequence[int], encodings: Sequence[Encoding]) -> Iterator[Outcome]:
        arrays = self._tokenizer.pad([encodings[position] for position in chunk])
        try:
            probabilities = softmax(self.runtime.logits(arrays))
        except Exception as error:  # pylint: disable=broad-exception-caught
            # The border where work must go on: whatever a runtime raises is one text's failure.
            yield from self._isolate(chunk, encodings, error)
            return
        for position, row in zip(chunk, probabilities, strict=True):
            if np.isfinite(row).all():
                yield position, Classification(tuple(row.tolist()), len(chunk))
            else:
                yield position, ClassificationError(position)

    def _isolate(
        self, chunk: Sequence[int], encodings: Sequence[Encoding], error: Exception
    ) -> Iterator[Outcome]:
        """Run the texts of a failed chunk one by one, so that only the guilty fail."""
        if len(chunk) > 1:
            for position in chunk:
                yield from self._run([position], encodings)
            return
        logger.error("the model failed on a text", exc_info=error)
        failure = ClassificationError(chunk[0])
        failure.__cause__ = error
        yield chunk[0], failure


def softmax(logits: np.ndarray) -> np.ndarray:
    """Turn logits [texts, labels] into float64 probabilities that sum to 1 in each row."""
    exponentials = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True))
