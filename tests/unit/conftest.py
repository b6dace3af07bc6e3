"""A Bento store of its own for every test that asks for one."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from bentoml._internal.configuration.containers import BentoMLContainer
from bentoml._internal.models import ModelStore


@pytest.fixture(name="store")
def fixture_store(tmp_path: Path) -> Iterator[ModelStore]:
    """Let BentoML keep models in an empty folder, and in its usual place afterwards."""
    folder = tmp_path / "models"
    folder.mkdir()
    store = ModelStore(folder)
    BentoMLContainer.model_store.set(store)
    yield store
    BentoMLContainer.model_store.reset()
