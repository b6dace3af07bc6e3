"""Fixtures of unit tests: an empty Bento store, and readers of `.env` files."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from bentoml._internal.models import ModelStore

from tests.support.env_readers import Reader, readers
from tests.support.model_store import model_store


@pytest.fixture(name="store")
def fixture_store(tmp_path: Path) -> Iterator[ModelStore]:
    """Return an empty model store that BentoML uses during the test."""
    with model_store(tmp_path) as store:
        yield store


@pytest.fixture(name="reader", params=list(readers()))
def fixture_reader(request: pytest.FixtureRequest) -> Reader:
    """Return a reader of `.env` files; skip if it is not installed."""
    found = readers()[request.param]
    if found is None:
        pytest.skip(f"{request.param} is not installed")
    return found
