"""Verify that packed classifiers and exported graphs predict as the original model."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from inference.classifier import ClassificationError, Classifier
from inference.model_folder import longest_input
from inference.normalization import normalize
from inference.packed_classifier import PackedClassifier
from inference.packing import INPUTS, PackingError, collate
from inference.reference_predictions import REFERENCE_TEXTS, SCORE_BOUNDS, ReferencePredictions
from training.errors import TrainingError

CHECKED_TEXTS = ("two texts", "of two lengths", "and one more, which is longer, below them")
CHECKED_ROWS = [[0, 1], [2]]
LOGIT_TOLERANCE = 1e-3
"""In the tests, logits of packed texts differ by less than 1e-5."""

MAX_DEVIATIONS = {"int8": 0.2, "bf16": 0.05, "fp32": SCORE_BOUNDS["fp32"]}
"""The largest accepted difference of a probability, by precision.

A lower precision changes a few undecided texts much. This bound finds wrong graphs; accuracy and
labels are compared on many more texts.
"""


class ExportMismatchError(TrainingError):
    """The predictions of an exported graph differ from the original model's."""

    def __init__(self, precision: str, deviation: float) -> None:
        super().__init__(
            f"the exported graph in {precision} differs from the original model: a probability by "
            f"{deviation:.4f}, {MAX_DEVIATIONS[precision]} is accepted. Install the versions in "
            "requirements/training.txt, or choose another BASE_MODEL"
        )
        self.deviation = deviation


def pack_classifier(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase
) -> tuple[PackedClassifier, tuple[torch.Tensor, ...]]:
    """Return the packed form of a model in evaluation mode, and example inputs to trace it with.

    Raises PackingError if its logits differ from the model's, such as with relative positions.
    """
    packed = PackedClassifier(model)
    longest = longest_input(
        model.config.to_dict(), {"model_max_length": tokenizer.model_max_length}
    )
    token_ids = [
        tokenizer(text, truncation=True, max_length=longest)["input_ids"] for text in CHECKED_TEXTS
    ]
    arrays = collate(CHECKED_ROWS, token_ids, model.config.pad_token_id or 0)
    inputs = tuple(torch.from_numpy(arrays[name]).to(model.device) for name in INPUTS)
    with _as_packing_error(model):
        found = packed(*inputs)
    expected = torch.cat(
        [model(input_ids=torch.tensor([ids], device=model.device)).logits for ids in token_ids]
    )
    if found.shape != expected.shape or not torch.allclose(found, expected, atol=LOGIT_TOLERANCE):
        raise PackingError(type(model).__name__, "its logits differ if several texts share a row")
    return packed, inputs


def verify_export(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, folder: Path, precision: str
) -> ReferencePredictions:
    """Return reference predictions for the self-check of every start.

    These are the model's probabilities, and as bound the deviation found here, of the graph and its
    precise form, plus what scores may vary between machines. Raises ExportMismatchError if the
    graph in ``folder`` deviates by more than MAX_DEVIATIONS.
    """
    expected = original_probabilities(model, tokenizer, REFERENCE_TEXTS)
    references = ReferencePredictions.of(REFERENCE_TEXTS, expected, 0)
    classifier = Classifier.load(folder)
    deviation = _deviation(classifier, references)
    if not deviation <= MAX_DEVIATIONS[precision]:
        raise ExportMismatchError(precision, deviation)
    if classifier.runtime.is_quantized:
        deviation = max(
            deviation, _deviation(Classifier.load(folder, dequantized=True), references)
        )
    return ReferencePredictions.of(REFERENCE_TEXTS, expected, deviation + SCORE_BOUNDS[precision])


def original_probabilities(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]
) -> np.ndarray:
    """Return transformers' float64 probabilities [texts, labels], computed text by text."""
    was_training = model.training
    model.eval()
    rows = []
    try:
        with torch.no_grad():
            for text in texts:
                encoded = tokenizer(normalize(text), truncation=True, return_tensors="pt")
                logits = model(**encoded.to(model.device)).logits
                rows.append(logits.double().softmax(-1).cpu().numpy())
    finally:
        model.train(was_training)
    return np.concatenate(rows)


def _deviation(classifier: Classifier, references: ReferencePredictions) -> float:
    try:
        return references.max_difference(classifier.classify(references.texts))
    except ClassificationError:
        return 1.0


@contextmanager
def _as_packing_error(model: PreTrainedModel) -> Iterator[None]:
    """Convert what a model of an unsupported architecture raises."""
    try:
        yield
    except (TypeError, ValueError, RuntimeError, IndexError) as error:
        raise PackingError(
            type(model).__name__, f"it cannot read several texts in a row ({error})"
        ) from error
