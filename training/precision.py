"""Choose by proof the precision in which a model is served."""

import logging
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import openvino

from training.base_model import BaseModel
from training.dataset import Tweets
from training.evaluation import agreement
from training.export import Precision, convert, in_precision, write
from training.scoring import Scores, ScoringError, score

logger = logging.getLogger(__name__)

CALIBRATION_SIZE = 300
"""As many texts as NNCF takes by default."""

MAX_LOSS = 0.005
"""The most accuracy, as a share of the rows, that a lower precision may cost."""

MIN_AGREEMENT = 0.98
"""The smallest share of texts that must keep their labels."""


@dataclass(frozen=True)
class Choice:
    """Hold the precision that is served, and in words why."""

    precision: Precision
    reason: str


@dataclass(frozen=True)
class Proof:
    """Hold what a lower precision costs against fp32; all three are shares in 0..1."""

    precision: Precision
    accuracy: float
    exact_accuracy: float
    agreement: float
    rows: int

    @property
    def holds(self) -> bool:
        """Tell whether the cost is within the bounds."""
        lost = round((self.exact_accuracy - self.accuracy) * self.rows)
        return lost <= MAX_LOSS * self.rows and self.agreement >= MIN_AGREEMENT

    def __str__(self) -> str:
        return (
            f"{self.precision} has accuracy {self.accuracy:.4f} against "
            f"{self.exact_accuracy:.4f} in fp32 and gives the same label to "
            f"{self.agreement:.2%} of the {self.rows} texts"
        )


def export_proven(base: BaseModel, folder: Path, calibration: Tweets, rows: Tweets) -> Choice:
    """Write the model into ``folder`` in the fastest precision that keeps its labels.

    That is int8, or else bf16 where this processor has it, or else fp32. ``rows`` are what the
    proof is made on; ``calibration`` is what int8 is calibrated on, its first 300 rows.

    Raises ScoringError where the model fails even in fp32.
    """
    graph = convert(*base.parts)
    texts = calibration.texts[:CALIBRATION_SIZE]
    with TemporaryDirectory() as scratch:
        write(in_precision("fp32", graph, base.tokenizer, ()), *base.parts, Path(scratch))
        exact = score(Path(scratch), rows, f"{base.name} in fp32")
    told: list[str] = []
    for precision in _lower_precisions():
        logger.info("exporting %s in %s", base.name, precision)
        write(in_precision(precision, graph, base.tokenizer, texts), *base.parts, folder)
        try:
            proof = prove(precision, score(folder, rows, f"{base.name} in {precision}"), exact)
        except ScoringError:
            told.append(f"{precision} fails on some of the texts")
            continue
        told.append(str(proof))
        if proof.holds:
            return Choice(precision, "; ".join(told))
    write(in_precision("fp32", graph, base.tokenizer, ()), *base.parts, folder)
    return Choice("fp32", "; ".join(told))


def prove(precision: Precision, found: Scores, exact: Scores) -> Proof:
    """Compare the scores of a lower precision with those of fp32 on the same rows."""
    return Proof(
        precision=precision,
        accuracy=found.accuracy,
        exact_accuracy=exact.accuracy,
        agreement=agreement(found.predictions, exact.predictions),
        rows=len(exact.labels),
    )


def _lower_precisions() -> list[Precision]:
    capabilities = openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return ["int8", "bf16"] if "BF16" in capabilities else ["int8"]
