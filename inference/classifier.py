"""Classify texts: tokenize, pack, run the model, and return probabilities."""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from inference.model_folder import ModelFolder, ModelFolderError
from inference.packing import ModelInputs, Row, collate, pack, packed_shapes, single_text_shapes
from inference.runtime import Runtime, RuntimeName, load_runtime
from inference.tokenization import TweetTokenizer

logger = logging.getLogger(__name__)


class ClassificationError(Exception):
    """The model failed on one text."""

    def __init__(self, position: int) -> None:
        super().__init__(f"the model failed on the text at position {position}")
        self.position = position


@dataclass(frozen=True, slots=True)
class Classification:
    """The result of one text.

    ``probabilities`` are in the order of the classifier's labels and sum to 1; ``batch_size`` is
    the number of texts that shared the forward pass; ``truncated`` is true if the model did not
    read the whole text.
    """

    probabilities: tuple[float, ...]
    batch_size: int
    truncated: bool = False


Outcomes: TypeAlias = Iterator[tuple[int, Any]]
Step: TypeAlias = Callable[[Sequence[int], Any], Outcomes]


class Classifier:
    """A sequence classification model with its tokenizer and runtime; it is thread-safe."""

    def __init__(self, folder: ModelFolder, runtime: Runtime) -> None:
        self.labels = folder.labels
        self.runtime = runtime
        self._pad_token_id = folder.pad_token_id
        self._tokenizer = TweetTokenizer(folder)

    @classmethod
    def load(
        cls, path: Path, runtime: RuntimeName = "openvino", *, dequantized: bool = False
    ) -> "Classifier":
        """Load a model folder; if ``dequantized``, compute an int8 model in float32.

        Raises ModelFolderError if the folder has no such model.
        """
        folder = ModelFolder.read(path)
        try:
            return cls(folder, load_runtime(runtime, folder, dequantized=dequantized))
        except Exception as error:  # pylint: disable=broad-exception-caught  # tokenizers raises no other
            raise ModelFolderError(path, f"it cannot be loaded ({_first_line(error)})") from error

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
        """Classify texts; one that fails does not affect the others."""
        outcomes: dict[int, Any] = dict(self._encode(range(len(texts)), texts))
        tokenized = {
            position: made
            for position, made in outcomes.items()
            if not isinstance(made, ClassificationError)
        }
        token_ids = {position: text.ids for position, text in tokenized.items()}
        outcomes.update(self._run(list(token_ids), token_ids))
        for position, text in tokenized.items():
            if text.truncated and isinstance(outcomes[position], Classification):
                outcomes[position] = replace(outcomes[position], truncated=True)
        return [outcomes[position] for position in range(len(texts))]

    def warm_up(self) -> threading.Thread:
        """Start a thread that prepares the runtime for all usual shapes, and return it.

        Until it ends, classifying takes many times as long.
        """
        thread = threading.Thread(target=self._warm_up_runtime, name="warm-up")
        thread.start()
        return thread

    def _warm_up_runtime(self) -> None:
        try:
            single, packed = single_text_shapes(), packed_shapes()
            self.runtime.warm_up(map(self._padding, single), map(self._padding, packed))
        except Exception:  # pylint: disable=broad-exception-caught  # any exception of a runtime
            logger.exception("warm-up failed: predictions will be slower")

    def _padding(self, rows: Sequence[Row]) -> ModelInputs:
        """Return inputs of padding only, given the lengths of the texts in each row."""
        texts = [[self._pad_token_id] * length for length in chain.from_iterable(rows)]
        numbers = iter(range(len(texts)))
        return collate([[next(numbers) for _ in row] for row in rows], texts, self._pad_token_id)

    def _encode(self, positions: Sequence[int], texts: Sequence[str]) -> Outcomes:
        try:
            tokenized = self._tokenizer.tokenize([texts[position] for position in positions])
        except Exception as error:  # pylint: disable=broad-exception-caught  # see _isolate
            yield from self._isolate(self._encode, positions, texts, error)
            return
        yield from zip(positions, tokenized, strict=True)

    def _run(self, positions: Sequence[int], token_ids: Mapping[int, Sequence[int]]) -> Outcomes:
        for rows in pack([len(token_ids[position]) for position in positions]):
            yield from self._run_pass(
                [[positions[index] for index in row] for row in rows], token_ids
            )

    def _run_pass(self, rows: Sequence[Row], token_ids: Mapping[int, Sequence[int]]) -> Outcomes:
        positions = list(chain.from_iterable(rows))
        try:
            logits = self.runtime.logits(collate(rows, token_ids, self._pad_token_id))
            if not np.isfinite(logits).all():  # one text can spoil others in its row
                raise FloatingPointError("the model returned logits that are not finite")
        except Exception as error:  # pylint: disable=broad-exception-caught  # see _isolate
            yield from self._isolate(self._run, positions, token_ids, error)
            return
        for position, probabilities in zip(positions, softmax(logits), strict=True):
            yield position, Classification(tuple(probabilities.tolist()), len(positions))

    @staticmethod
    def _isolate(step: Step, positions: Sequence[int], data: Any, error: Exception) -> Outcomes:
        """Repeat a failed step text by text, so that only the texts that cause it fail.

        Any exception of a tokenizer or a runtime becomes the ClassificationError of one text.
        """
        if len(positions) > 1:
            for position in positions:
                yield from step([position], data)
            return
        failure = ClassificationError(positions[0])
        failure.__cause__ = error
        yield positions[0], failure


def _first_line(error: Exception) -> str:
    """Return the first line that says what failed; OpenVINO's first lines say where."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    messages = [line for line in lines if not line.startswith("Exception from ")]
    return (messages or lines or [type(error).__name__])[0].rstrip(".")


def softmax(logits: np.ndarray) -> np.ndarray:
    """Return float64 probabilities of logits [texts, labels]; each row sums to 1."""
    exponentials = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True))
