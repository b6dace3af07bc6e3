"""A run looks at the Hub before it trains."""

import pytest

pytest.importorskip("huggingface_hub", reason="the training group is not installed")

# pylint: disable=wrong-import-position  # only where the training group is installed
from tests.support.hub import Hub
from training.hub.errors import HubRequestError, InvalidTokenError
from training.hub.snapshot import read_snapshot
from training.settings import HubSettings

NAME = "us/sentiment"


@pytest.fixture(name="hub")
def fixture_hub(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> Hub:
    """Serve a Hub with one repository, as the one that the client asks."""
    hub.create(NAME)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", hub.url)
    return hub


def test_a_repository_and_a_token_leave_no_obstacle(hub: Hub) -> None:
    found = read_snapshot(HubSettings(hf_repo_id=NAME, hf_token=hub.token("us")))

    assert (NAME, None) == (found.name, found.publish_blocker)
    assert found.has(".gitattributes")
    assert not found.has(".gitattributes", "best_metrics.json")


def test_without_a_name_there_is_nothing_to_look_at() -> None:
    assert "HF_REPO_ID is not set" == read_snapshot(HubSettings(hf_repo_id=None)).publish_blocker


@pytest.mark.usefixtures("hub")
def test_a_missing_token_keeps_from_publishing_alone() -> None:
    found = read_snapshot(HubSettings(hf_repo_id=NAME, hf_token=None))

    assert "HF_TOKEN is not set, and nobody is logged in (`hf auth login`)" == found.publish_blocker
    assert found.head is not None
    assert found.unread is None


def test_a_hub_in_trouble_keeps_from_publishing_alone(
    hub: Hub, caplog: pytest.LogCaptureFixture
) -> None:
    hub.faults.fail("GET ", status=503)

    found = read_snapshot(HubSettings(hf_repo_id=NAME, hf_token=hub.token("us")))

    assert "HTTP 503" in str(found.publish_blocker)
    assert NAME == found.unread
    assert "Training goes on without the Hub" in caplog.text


@pytest.mark.usefixtures("hub")
def test_a_wrong_token_is_an_error() -> None:
    with pytest.raises(InvalidTokenError):
        read_snapshot(HubSettings(hf_repo_id=NAME, hf_token="hf_wrong"))  # noqa: S106  # it opens nothing


def test_a_name_without_an_owner_is_an_error_before_the_training(hub: Hub) -> None:
    with pytest.raises(HubRequestError, match="a repository's name has an owner"):
        read_snapshot(HubSettings(hf_repo_id="sentiment", hf_token=hub.token("us")))
