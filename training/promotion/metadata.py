"""Metadata of a model in the Bento store: provenance, precision and metrics."""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from inference.model_folder import METADATA_FILE
from training.files import write_json

if TYPE_CHECKING:  # heavy
    from training.data.sampling import SampledSplits
    from training.evaluation.prediction import Predictions
    from training.export.precision_selection import SelectedPrecision

Origin = Literal["trained", "base", "fetched"]

REPOSITORY = Path(__file__).parent.parent.parent


@dataclass(frozen=True)
class Provenance:  # pylint: disable=too-many-instance-attributes  # one for each fact
    """What a model was trained on, and with which code.

    Sizes are numbers of rows; ``sample_fingerprint`` is the SHA-256 of the sampled rows;
    ``git_commit`` is None outside of a checkout. Revisions are commits on the Hub, None for local
    folders.
    """

    base_model: str
    dataset: str
    dataset_fingerprint: str
    sample_fingerprint: str
    train_size: int
    eval_size: int
    eval_split: str
    seed: int
    git_commit: str | None
    base_model_revision: str | None = None
    dataset_revision: str | None = None

    @classmethod
    def of(cls, base_model: str, revision: str | None, sample: "SampledSplits") -> "Provenance":
        """Return the provenance of a model that this code trains on the sample."""
        return cls(
            base_model=base_model,
            dataset=sample.dataset.name,
            dataset_fingerprint=sample.dataset.fingerprint,
            sample_fingerprint=sample.fingerprint,
            train_size=len(sample.train),
            eval_size=len(sample.evaluation_indices),
            eval_split=sample.dataset.evaluation_split,
            seed=sample.seed,
            git_commit=git_commit(),
            base_model_revision=revision,
            dataset_revision=sample.dataset.revision,
        )


def git_commit() -> str | None:
    """Return the checkout's commit, ending in ``-dirty`` if files have changed since.

    None outside of a checkout, and without git.
    """
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        done = subprocess.run(  # noqa: S603  # all arguments are constants
            command, cwd=REPOSITORY, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def write_metadata(  # pylint: disable=too-many-arguments,too-many-positional-arguments  # each its own
    folder: Path,
    origin: Origin,
    provenance: Mapping[str, Any],
    selected: "SelectedPrecision | None",
    evaluation: "Predictions | None" = None,
    test_split: "Predictions | None" = None,
) -> None:
    """Write ``metadata.json`` into a model's folder, from where it is registered.

    ``evaluation`` and ``test_split`` are the predictions that the metrics are of, if any.
    """
    content: dict[str, Any] = {"origin": origin, **provenance}
    if selected is not None:
        content |= {"precision": selected.precision, "precision_reason": selected.reason}
        content |= selected.references.to_metadata() if selected.references else {}
    content["metrics"] = {} if evaluation is None else evaluation.flat_metrics()
    if test_split is not None:
        content["test_split"] = test_split.summary()
    write_json(folder / METADATA_FILE, content)
