"""A Hub for the tests of what speaks to it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.hub import Hub
from tests.support.hub.client import keep_client_to


@pytest.fixture(name="hub")
def fixture_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """Serve an empty Hub."""
    keep_client_to(tmp_path / "home", monkeypatch)
    with Hub() as hub:
        yield hub
