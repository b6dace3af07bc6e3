"""What the Bento store knows of a model besides its files."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from inference.model_folder import METADATA_FILE
from training.atomic_write import write_json
from training.evaluation.prediction import Predictions
from training.export.precision_selection import SelectedPrecision
from training.promotion.champion_record import Provenance, flat_metrics, main_metrics

Kind = Literal["trained", "base", "fetched"]


def metadata(
    kind: Kind,
    origin: Provenance | Mapping[str, Any],
    choice: SelectedPrecision,
    scores: Predictions | None,
    test: Predictions | None = None,
) -> dict[str, Any]:
    """Return a model's metadata: where it comes from, its precision and its figures, if any.

    ``test`` are its scores of the split test, if there is one.
    """
    facts = asdict(origin) if isinstance(origin, Provenance) else dict(origin)
    return {
        "origin": kind,
        **facts,
        "precision": choice.precision,
        "precision_reason": choice.reason,
        "metrics": {} if scores is None else flat_metrics(scores),
        **(choice.references.to_metadata() if choice.references else {}),
        **({} if test is None else {"test_split": main_metrics(test)}),
    }


def write_metadata(folder: Path, content: Mapping[str, Any]) -> None:
    """Write the metadata into a model's folder, from where it is registered."""
    write_json(folder / METADATA_FILE, content)
