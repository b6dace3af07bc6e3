"""What the Bento store knows of a model besides its files."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from inference.model_folder import METADATA_FILE
from training.atomic import write_json
from training.precision import Choice
from training.records import Origin, flat_figures
from training.scoring import Scores

Kind = Literal["trained", "base", "fetched"]


def metadata(
    kind: Kind, origin: Origin | Mapping[str, Any], choice: Choice, scores: Scores | None
) -> dict[str, Any]:
    """Return a model's metadata: where it comes from, its precision and its figures, if any."""
    facts = asdict(origin) if isinstance(origin, Origin) else dict(origin)
    return {
        "origin": kind,
        **facts,
        "precision": choice.precision,
        "precision_reason": choice.reason,
        "metrics": {} if scores is None else flat_figures(scores),
        **(choice.references.to_metadata() if choice.references else {}),
    }


def write_metadata(folder: Path, content: Mapping[str, Any]) -> None:
    """Write the metadata into a model's folder, from where it is registered."""
    write_json(folder / METADATA_FILE, content)
