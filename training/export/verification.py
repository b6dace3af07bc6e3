"""Compare an exported graph with the model that it was made of, before anything is scored."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from inference.classifier import ClassificationError, Classifier
from inference.normalization import normalize
from inference.reference_predictions import REFERENCE_TEXTS, SCORE_BOUNDS, ReferencePredictions
from training.errors import TrainingError

MAX_DEVIATIONS = {"int8": 0.2, "bf16": 0.05, "fp32": SCORE_BOUNDS["fp32"]}
"""The largest difference of a probability that an export may have, by precision.

A lower precision moves single texts that the model is undecided about. Whether it keeps labels and
accuracy is measured on many more texts; this finds graphs that compute something else.
"""


class ExportMismatchError(TrainingError):
    """A graph that was written gives other answers than the model that it was made of."""

    def __init__(self, precision: str, deviation: float) -> None:
        super().__init__(
            f"the exported graph in {precision} gives other answers than the model that it was "
            f"made of: a probability differs by {deviation:.4f}, {MAX_DEVIATIONS[precision]} is "
            "accepted. Install the versions in requirements/training.txt, or choose another "
            "BASE_MODEL"
        )
        self.deviation = deviation


def verify_export(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, folder: Path, precision: str
) -> ReferencePredictions:
    """Return what every start checks: texts with the model's probabilities, and a bound.

    The bound is the deviation found here, of the graph and of its dequantized form, plus how far
    scores may differ between machines. Raises ExportMismatchError if the graph in ``folder``
    deviates from the model by more than MAX_DEVIATIONS.
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
    """Return the float64 probabilities [texts, labels] that transformers gives, text by text."""
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
