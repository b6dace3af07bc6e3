"""A Bento store in a folder of the test."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bentoml._internal.configuration.containers import BentoMLContainer
from bentoml._internal.models import ModelStore


@contextmanager
def model_store(folder: Path) -> Iterator[ModelStore]:
    """Let BentoML keep models in ``folder / "models"`` during the block."""
    models, scratch = folder / "models", folder / "tmp"
    models.mkdir(parents=True, exist_ok=True)
    scratch.mkdir(exist_ok=True)
    overridden = {
        BentoMLContainer.model_store_dir: str(models),
        BentoMLContainer.tmp_bento_store_dir: str(scratch),
        BentoMLContainer.model_store: ModelStore(models),
    }
    for provider, value in overridden.items():
        provider.set(value)
    yield ModelStore(models)
    for provider in overridden:
        provider.reset()
