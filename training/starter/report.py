"""Metrics, metadata and model card of a trained starter."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inference.classifier import Classifier
from inference.model_folder import METADATA_FILE
from inference.reference_predictions import ReferencePredictions
from training.data.dataset import LABELS, Dataset, Tweets
from training.evaluation.metrics import Metrics, agreement, compute_metrics
from training.files import write_json


@dataclass(frozen=True)
class StarterReport:
    """Origin of a starter, and the metrics of its int8 and fp32 forms."""

    dataset: str
    dataset_fingerprint: str
    train_size: int
    evaluation_split: str
    seed: int
    int8: Metrics
    fp32: Metrics
    agreement: float
    """Share of texts, in 0..1, with the same label from both forms."""

    def precision_reason(self) -> str:
        """Compare int8 with fp32 in one sentence."""
        return (
            f"int8 is served: accuracy {self.int8.accuracy:.4f} against "
            f"{self.fp32.accuracy:.4f} in fp32, macro-averaged recall "
            f"{self.int8.macro_recall:.4f} against {self.fp32.macro_recall:.4f}, the same label "
            f"for {self.agreement:.2%} of the {self.int8.rows} texts ({self.evaluation_split})"
        )

    def metadata(self) -> dict[str, Any]:
        """Return the metadata that are stored with the model."""
        return {
            "origin": "starter",
            "base_model": None,
            "dataset": self.dataset,
            "dataset_fingerprint": self.dataset_fingerprint,
            "train_size": self.train_size,
            "eval_size": self.int8.rows,
            "eval_split": self.evaluation_split,
            "seed": self.seed,
            "precision": "int8",
            "precision_reason": self.precision_reason(),
            "metrics": {name: round(value, 6) for name, value in self.int8.flat().items()},
        }

    def write(self, folder: Path, references: ReferencePredictions) -> None:
        """Write the metadata with the reference predictions that every start checks."""
        write_json(folder / METADATA_FILE, self.metadata() | references.to_metadata())


def evaluate_forms(  # pylint: disable=too-many-arguments  # all but the dataset by name
    dataset: Dataset, *, train_size: int, seed: int, int8_folder: Path, fp32_folder: Path
) -> StarterReport:
    """Evaluate both exported forms on the dataset's evaluation rows, as serving does."""
    rows = dataset.evaluation
    served = _predict(int8_folder, rows)
    exact = _predict(fp32_folder, rows)
    return StarterReport(
        dataset=dataset.name,
        dataset_fingerprint=dataset.fingerprint,
        train_size=train_size,
        evaluation_split=dataset.evaluation_split,
        seed=seed,
        int8=compute_metrics(rows.labels, served, LABELS),
        fp32=compute_metrics(rows.labels, exact, LABELS),
        agreement=agreement(served, exact),
    )


def _predict(folder: Path, rows: Tweets) -> Sequence[int]:
    classifier = Classifier.load(folder)
    predicted: list[int] = classifier.classify(rows.texts).argmax(axis=1).tolist()
    return predicted
