"""A Bento store of its own for every test that asks for one."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from bentoml._internal.configuration.containers import BentoMLContainer
from bentoml._internal.models import ModelStore


@pytest.fixture(name="store")
def fixture_store(tmp_path: Path) -> Iterator[ModelStore]:
    """Let BentoML keep models in an empty folder, and in its usual place afterwards."""
    folder, scratch = tmp_path / "models", tmp_path / "tmp"
    places = {
        BentoMLContainer.model_store_dir: str(folder),
        BentoMLContainer.tmp_bento_store_dir: str(scratch),
        BentoMLContainer.model_store: ModelStore(folder),
    }
    folder.mkdir()
    scratch.mkdir()
    for provider, place in places.items():
        provider.set(place)
    yield ModelStore(folder)
    for provider in places:
        provider.reset()
