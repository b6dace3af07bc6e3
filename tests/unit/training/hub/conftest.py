"""A stand-in for the Hub, a repository on it, and champions to publish."""

from collections.abc import Callable, Iterator
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


@pytest.fixture(name="ours")
def fixture_ours(hub: Hub):  # type: ignore[no-untyped-def]  # imported if the client is installed
    """Return our repository, which does not exist yet, with a token that may write."""
    from training.hub.repository import HubRepository  # pylint: disable=import-outside-toplevel

    return HubRepository("us/sentiment", hub.token("us"), hub.url)


@pytest.fixture(name="champion")
def fixture_champion(tmp_path: Path) -> Callable[[str], Path]:
    """Return a function that writes different champions into folders."""
    from tests.support.hub.publishing import make_champion  # pylint: disable=import-outside-toplevel

    return lambda name: make_champion(tmp_path / name)
