"""Where a model comes from."""

import subprocess
from pathlib import Path

from training.data.sampling import SampledSplits
from training.promotion.champion_record import Provenance

REPOSITORY = Path(__file__).parent.parent.parent


def provenance_of(
    base_model: str, sample: SampledSplits, revision: str | None = None
) -> Provenance:
    """Return the origin of a model that was trained on the sample, with the code as it is.

    ``revision`` is the base model's commit on the Hub.
    """
    return Provenance(
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
    """Return the checkout's commit, ending in ``-dirty`` where files have been changed since.

    None outside of a checkout, and on machines without git.
    """
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        done = subprocess.run(  # noqa: S603  # nothing of it comes from outside
            command, cwd=REPOSITORY, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
