"""Choose by proof the precision in which a model is served."""

import logging
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol, TypeVar

import numpy as np
import openvino

from inference.classifier import Classifier
from inference.reference_predictions import ReferencePredictions
from training.data.dataset import Tweets
from training.evaluation.metrics import agreement
from training.evaluation.prediction import (
    PredictionError,
    Predictions,
    predict,
    predict_probabilities,
)
from training.export.export import Precision, convert, in_precision, write
from training.export.verification import ExportMismatchError, verify_export
from training.finetuning.pretrained import LoadedModel

logger = logging.getLogger(__name__)

CALIBRATION_SIZE = 300
"""As many texts as NNCF takes by default."""

MAX_LOSS = 0.005
"""The most accuracy, as a share of the rows, that a lower precision may cost."""

MIN_AGREEMENT = 0.98
"""The smallest share of labelled texts that must keep their labels."""

MIN_UNLABELLED_AGREEMENT = 0.96
"""The same for a few unlabelled texts: of 150, 6 may change their label.

A precision that changes 1.5 % of labels, as is usual, fails this by chance in 1 % of cases; one
that changes 10 % passes in 1 % (binomial distribution).
"""

Outputs = TypeVar("Outputs")


@dataclass(frozen=True)
class SelectedPrecision:
    """The precision that is served, why in words, and what every start checks."""

    precision: Precision
    reason: str
    references: ReferencePredictions | None = None


class Evidence(Protocol):
    """What a comparison with float32 has found."""

    @property
    def passes(self) -> bool:
        """Return whether the cost is within the bounds."""


@dataclass(frozen=True)
class PrecisionReport:
    """What a lower precision costs against fp32; all three are shares in 0..1."""

    precision: Precision
    accuracy: float
    exact_accuracy: float
    agreement: float
    rows: int

    @property
    def passes(self) -> bool:
        """Return whether the cost is within the bounds."""
        lost = round((self.exact_accuracy - self.accuracy) * self.rows)
        return lost <= MAX_LOSS * self.rows and self.agreement >= MIN_AGREEMENT

    def __str__(self) -> str:
        return (
            f"{self.precision} has accuracy {self.accuracy:.4f} against "
            f"{self.exact_accuracy:.4f} in fp32 and gives the same label to "
            f"{self.agreement:.2%} of the {self.rows} texts"
        )


@dataclass(frozen=True)
class AgreementReport:
    """How often a lower precision gives fp32's label to texts without labels, in 0..1."""

    precision: Precision
    agreement: float
    texts: int

    @property
    def passes(self) -> bool:
        """Return whether enough labels stay."""
        return self.agreement >= MIN_UNLABELLED_AGREEMENT

    def __str__(self) -> str:
        return (
            f"{self.precision} gives the same label as fp32 to {self.agreement:.2%} of "
            f"{self.texts} unlabelled sample texts (no labelled tweets were available)"
        )


def export_best_precision(
    base: LoadedModel, folder: Path, calibration_texts: Sequence[str], rows: Tweets
) -> tuple[SelectedPrecision, Predictions, Predictions]:
    """Write the model into ``folder`` in the fastest precision that keeps its labels.

    That is int8, or else bf16 if this processor has it, or else fp32. int8 is calibrated on the
    first 300 ``calibration_texts``. Returns the predictions for ``rows``, on which the precision
    was selected, in that precision and in fp32.

    Raises PredictionError if the model fails even in fp32, ExportMismatchError if its graph
    gives other answers than the model, and LabelMismatchError if its labels
    are not those of the rows.
    """
    return _export(
        base,
        folder,
        calibration_texts,
        lambda classifier, name: predict(classifier, rows, name),
        compare_precisions,
    )


def export_by_agreement(base: LoadedModel, folder: Path, texts: Sequence[str]) -> SelectedPrecision:
    """Write the model likewise, where the only proof is agreement with fp32 on these texts.

    int8 is calibrated on them, too. Raises PredictionError and ExportMismatchError as above.
    """
    choice, *_ = _export(
        base,
        folder,
        texts,
        lambda classifier, name: predict_probabilities(classifier, texts, name),
        compare_labels,
    )
    return choice


def compare_precisions(
    precision: Precision, found: Predictions, exact: Predictions
) -> PrecisionReport:
    """Compare the scores of a lower precision with those of fp32 on the same rows."""
    return PrecisionReport(
        precision=precision,
        accuracy=found.accuracy,
        exact_accuracy=exact.accuracy,
        agreement=agreement(found.predicted, exact.predicted),
        rows=len(exact.labels),
    )


def compare_labels(precision: Precision, found: np.ndarray, exact: np.ndarray) -> AgreementReport:
    """Compare probabilities [texts, labels] with those of fp32 for the same texts."""
    shared = agreement(found.argmax(axis=1).tolist(), exact.argmax(axis=1).tolist())
    return AgreementReport(precision, shared, len(exact))


def _export(
    base: LoadedModel,
    folder: Path,
    calibration_texts: Sequence[str],
    measure: Callable[[Classifier, str], Outputs],
    compare: Callable[[Precision, Outputs, Outputs], Evidence],
) -> tuple[SelectedPrecision, Outputs, Outputs]:
    """Write and measure the model in fp32, then in lower precisions until one is proven."""
    graph = convert(*base.model_and_tokenizer)
    reasons: list[str] = []
    with TemporaryDirectory() as scratch:
        references, exact = _written("fp32", graph, base, Path(scratch), measure)
        for precision in _lower_precisions():
            logger.info("exporting %s in %s", base.name, precision)
            lower = in_precision(
                precision, graph, base.tokenizer, calibration_texts[:CALIBRATION_SIZE]
            )
            try:
                made = _written(precision, lower, base, folder, measure)
            except (PredictionError, ExportMismatchError) as error:
                reasons.append(_failure(precision, error))
                continue
            proof = compare(precision, made[1], exact)
            reasons.append(str(proof))
            logger.info("%s", proof)
            if proof.passes:
                return SelectedPrecision(precision, "; ".join(reasons), made[0]), made[1], exact
        shutil.copytree(scratch, folder, dirs_exist_ok=True)
    return SelectedPrecision("fp32", "; ".join(reasons), references), exact, exact


def _failure(precision: Precision, error: PredictionError | ExportMismatchError) -> str:
    if isinstance(error, ExportMismatchError):
        return f"{precision} moves a probability by {error.deviation:.4f}"
    return f"{precision} fails on some of the texts"


def _written(
    precision: Precision,
    graph: openvino.Model,
    base: LoadedModel,
    folder: Path,
    measure: Callable[[Classifier, str], Outputs],
) -> tuple[ReferencePredictions, Outputs]:
    """Write a graph of this precision, verify it, and measure what it gives."""
    write(graph, *base.model_and_tokenizer, folder)
    references = verify_export(*base.model_and_tokenizer, folder, precision)
    return references, measure(Classifier.load(folder), f"{base.name} in {precision}")


def _lower_precisions() -> list[Precision]:
    capabilities = openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return ["int8", "bf16"] if "BF16" in capabilities else ["int8"]
