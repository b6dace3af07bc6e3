"""Fixtures of unit tests: an empty Bento store, and readers of `.env` files."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from bentoml._internal.configuration.containers import BentoMLContainer
from bentoml._internal.models import ModelStore

from tests.support.env_readers import Reader, readers


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


@pytest.fixture(name="reader", params=list(readers()))
def fixture_reader(request: pytest.FixtureRequest) -> Reader:
    """Return a reader of `.env` files; skip a compose that is not installed."""
    found = readers()[request.param]
    if found is None:
        pytest.skip(f"{request.param} is not installed")
    return found
