"""Texts in, class probabilities out."""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from inference.model_folder import ModelFolder, ModelFolderError
from inference.packing import Arrays, Row, lay_out, lone_passes, pack, shared_passes
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
    """What the model says of one text.

    ``probabilities`` stand in the order of the classifier's labels and sum to 1;
    ``batch_size`` is the number of texts that shared the forward pass; ``truncated`` is true if
    the model did not read the whole text.
    """

    probabilities: tuple[float, ...]
    batch_size: int
    truncated: bool = False


Outcomes: TypeAlias = Iterator[tuple[int, Any]]
Step: TypeAlias = Callable[[Sequence[int], Any], Outcomes]


class Classifier:
    """A sequence classification model, its tokenizer and the runtime that executes it.

    Several threads may call it.
    """

    def __init__(self, folder: ModelFolder, runtime: Runtime) -> None:
        self.labels = folder.labels
        self.runtime = runtime
        self._pad_token_id = folder.pad_token_id
        self._tokenizer = TweetTokenizer(folder)

    @classmethod
    def load(
        cls, path: Path, runtime: RuntimeName = "openvino", *, precise: bool = False
    ) -> "Classifier":
        """Load a model folder, if ``precise`` in the precise form of an int8 graph.

        Raises ModelFolderError where it holds no such model.
        """
        folder = ModelFolder.read(path)
        try:
            return cls(folder, load_runtime(runtime, folder, precise=precise))
        except Exception as error:  # pylint: disable=broad-exception-caught  # tokenizers raises it
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
        """Classify every text on its own account: one that fails leaves its neighbours alone."""
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
        """Have the runtime prepared for all usual passes, by the thread that is returned.

        Texts that are classified meanwhile, in turn with it, take many times as long as later.
        """
        thread = threading.Thread(target=self._prepare, name="warm-up")
        thread.start()
        return thread

    def _prepare(self) -> None:
        try:
            self.runtime.prepare(map(self._blank, lone_passes()), map(self._blank, shared_passes()))
        except Exception:  # pylint: disable=broad-exception-caught  # whatever a runtime raises
            logger.exception(
                "the runtime could not be prepared: passes take longer than they might"
            )

    def _blank(self, rows: Sequence[Row]) -> Arrays:
        """Lay out texts of padding alone, given the lengths of those in each row."""
        texts = [[self._pad_token_id] * length for length in chain.from_iterable(rows)]
        numbers = iter(range(len(texts)))
        return lay_out([[next(numbers) for _ in row] for row in rows], texts, self._pad_token_id)

    def _encode(self, positions: Sequence[int], texts: Sequence[str]) -> Outcomes:
        try:
            tokenized = self._tokenizer.tokenize([texts[position] for position in positions])
        except Exception as error:  # pylint: disable=broad-exception-caught  # see _isolate
            yield from self._isolate(self._encode, positions, texts, error)
            return
        yield from zip(positions, tokenized, strict=True)

    def _run(self, positions: Sequence[int], token_ids: Mapping[int, Sequence[int]]) -> Outcomes:
        for rows in pack([len(token_ids[position]) for position in positions]):
            yield from self._pass([[positions[index] for index in row] for row in rows], token_ids)

    def _pass(self, rows: Sequence[Row], token_ids: Mapping[int, Sequence[int]]) -> Outcomes:
        positions = list(chain.from_iterable(rows))
        try:
            logits = self.runtime.logits(lay_out(rows, token_ids, self._pad_token_id))
            if not np.isfinite(logits).all():  # of one text, they spoil others in its row
                raise FloatingPointError("the model gave logits that are not finite")
        except Exception as error:  # pylint: disable=broad-exception-caught  # see _isolate
            yield from self._isolate(self._run, positions, token_ids, error)
            return
        for position, probabilities in zip(positions, softmax(logits), strict=True):
            yield position, Classification(tuple(probabilities.tolist()), len(positions))

    @staticmethod
    def _isolate(step: Step, positions: Sequence[int], material: Any, error: Exception) -> Outcomes:
        """Take a failed step again, text by text, so that only the guilty fail.

        This is the border where work must go on: whatever a tokenizer or a runtime raises is the
        failure of one text, which whoever asked can tell and log.
        """
        if len(positions) > 1:
            for position in positions:
                yield from step([position], material)
            return
        failure = ClassificationError(positions[0])
        failure.__cause__ = error
        yield positions[0], failure


def _first_line(error: Exception) -> str:
    """Return the first line that says what happened; OpenVINO's first ones say where it did."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    telling = [line for line in lines if not line.startswith("Exception from ")]
    return (telling or lines or [type(error).__name__])[0].rstrip(".")


def softmax(logits: np.ndarray) -> np.ndarray:
    """Turn logits [texts, labels] into float64 probabilities that sum to 1 in each row."""
    exponentials = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True))
