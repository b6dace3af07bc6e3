"""Select the fastest precision that keeps accuracy and labels."""

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
from training.export.export import Precision, convert, save_exported, to_precision
from training.export.verification import ExportMismatchError, verify_export
from training.finetuning.pretrained import LoadedModel

logger = logging.getLogger(__name__)

CALIBRATION_SIZE = 300
"""Texts that int8 is calibrated on, NNCF's default."""

MAX_LOSS = 0.005
"""Largest accepted loss of accuracy, in 0..1."""

MIN_AGREEMENT = 0.98
"""Smallest accepted share of labelled texts with unchanged predictions."""

MIN_UNLABELLED_AGREEMENT = 0.96
"""The same for a few unlabelled texts: of 150, 6 may change.

A precision that changes 1.5 % of labels, as usual, fails by chance in 1 % of cases; one that
changes 10 % passes in 1 % (binomial distribution).
"""

Outputs = TypeVar("Outputs")


@dataclass(frozen=True)
class SelectedPrecision:
    """The precision that is served, the reason in words, and the self-check of every start."""

    precision: Precision
    reason: str
    references: ReferencePredictions | None = None


class ComparisonReport(Protocol):
    """The result of a comparison with fp32."""

    @property
    def passes(self) -> bool:
        """Return whether the loss is accepted."""


@dataclass(frozen=True)
class PrecisionReport:
    """Accuracy of a lower precision and of fp32, and the agreement of both, each in 0..1."""

    precision: Precision
    accuracy: float
    exact_accuracy: float
    agreement: float
    rows: int

    @property
    def passes(self) -> bool:
        """Return whether the loss is accepted."""
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
    """Agreement of a lower precision with fp32 on unlabelled texts, in 0..1."""

    precision: Precision
    agreement: float
    texts: int

    @property
    def passes(self) -> bool:
        """Return whether the agreement is high enough."""
        return self.agreement >= MIN_UNLABELLED_AGREEMENT

    def __str__(self) -> str:
        return (
            f"{self.precision} gives the same label as fp32 to {self.agreement:.2%} of "
            f"{self.texts} unlabelled sample texts (no labelled tweets were available)"
        )


def export_best_precision(
    base: LoadedModel, folder: Path, calibration_texts: Sequence[str], rows: Tweets
) -> tuple[SelectedPrecision, Predictions, Predictions]:
    """Write the model into ``folder`` in the fastest precision that keeps accuracy and labels.

    That is int8, else bf16 if this processor has it, else fp32. int8 is calibrated on the first 300
    ``calibration_texts``. Returns the predictions for ``rows``, on which the precision was
    selected, in that precision and in fp32.

    Raises PredictionError if the model fails even in fp32, ExportMismatchError if its fp32 graph
    differs from the model, and LabelMismatchError if its labels are not those of the rows.
    """
    return _export(
        base,
        folder,
        calibration_texts,
        lambda classifier, name: predict(classifier, rows, name),
        compare_precisions,
    )


def export_by_agreement(base: LoadedModel, folder: Path, texts: Sequence[str]) -> SelectedPrecision:
    """Write the model as `export_best_precision` does, selected by agreement on unlabelled texts.

    int8 is calibrated on the same texts. Raises PredictionError and ExportMismatchError.
    """
    selected, *_ = _export(
        base,
        folder,
        texts,
        lambda classifier, name: predict_probabilities(classifier, texts, name),
        compare_labels,
    )
    return selected


def compare_precisions(
    precision: Precision, found: Predictions, exact: Predictions
) -> PrecisionReport:
    """Compare predictions of a lower precision with those of fp32 on the same rows."""
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


def _export(  # pylint: disable=too-many-locals  # one over, and each is used
    base: LoadedModel,
    folder: Path,
    calibration_texts: Sequence[str],
    predict_with: Callable[[Classifier, str], Outputs],
    compare: Callable[[Precision, Outputs, Outputs], ComparisonReport],
) -> tuple[SelectedPrecision, Outputs, Outputs]:
    """Write and evaluate the model in fp32, then in lower precisions until one passes."""
    graph = convert(*base.model_and_tokenizer)
    calibration_texts = calibration_texts[:CALIBRATION_SIZE]
    reasons: list[str] = []
    with TemporaryDirectory() as scratch:
        references, exact = _export_in("fp32", graph, base, Path(scratch), predict_with)
        for precision in _lower_precisions():
            logger.info("exporting %s in %s", base.name, precision)
            lower = to_precision(precision, graph, base.tokenizer, calibration_texts)
            try:
                checked, found = _export_in(precision, lower, base, folder, predict_with)
            except (PredictionError, ExportMismatchError) as error:
                reasons.append(_failure(precision, error))
                continue
            report = compare(precision, found, exact)
            reasons.append(str(report))
            logger.info("%s", reasons[-1])
            if report.passes:
                return _selected(precision, reasons, checked), found, exact
        shutil.copytree(scratch, folder, dirs_exist_ok=True)
    return _selected("fp32", reasons, references), exact, exact


def _selected(
    precision: Precision, reasons: Sequence[str], references: ReferencePredictions
) -> SelectedPrecision:
    return SelectedPrecision(precision, "; ".join(reasons), references)


def _failure(precision: Precision, error: PredictionError | ExportMismatchError) -> str:
    if isinstance(error, ExportMismatchError):
        return f"{precision} changes a probability by {error.deviation:.4f}"
    return f"{precision} fails on some texts"


def _export_in(
    precision: Precision,
    graph: openvino.Model,
    base: LoadedModel,
    folder: Path,
    predict_with: Callable[[Classifier, str], Outputs],
) -> tuple[ReferencePredictions, Outputs]:
    """Write a graph, verify it, and predict with it."""
    save_exported(graph, *base.model_and_tokenizer, folder)
    references = verify_export(*base.model_and_tokenizer, folder, precision)
    return references, predict_with(Classifier.load(folder), f"{base.name} in {precision}")


def _lower_precisions() -> list[Precision]:
    capabilities = openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return ["int8", "bf16"] if "BF16" in capabilities else ["int8"]
