"""A run reads the state of the Hub before it trains."""

import pytest

pytest.importorskip("huggingface_hub", reason="the training group is not installed")

# pylint: disable=wrong-import-position  # only if the training group is installed
from training.hub.errors import HubRequestError, InvalidTokenError
from training.hub.snapshot import NOT_LOGGED_IN, read_snapshot
from training.settings import HubSettings

NAME = "us/sentiment"


@pytest.fixture(name="hub")
def fixture_hub(hub, monkeypatch):
    """Serve a Hub with one repository as the client's default."""
    hub.create(NAME)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", hub.url)
    return hub


def test_with_repository_and_token_nothing_blocks_publishing(hub):
    found = read_snapshot(HubSettings(hf_repo_id=NAME, hf_token=hub.token("us")))

    assert (NAME, None) == (found.name, found.publish_blocker)
    assert found.has(".gitattributes")
    assert not found.has(".gitattributes", "best_metrics.json")


def test_without_a_repository_publishing_is_blocked():
    assert "HF_REPO_ID is not set" == read_snapshot(HubSettings(hf_repo_id=None)).publish_blocker


@pytest.mark.usefixtures("hub")
def test_a_missing_token_blocks_only_publishing():
    found = read_snapshot(HubSettings(hf_repo_id=NAME, hf_token=None))

    assert NOT_LOGGED_IN == found.publish_blocker
    assert found.commit is not None
    assert found.unreachable is None


def test_an_unavailable_hub_blocks_only_publishing(hub, caplog):
    hub.faults.fail("GET ", status=503)

    found = read_snapshot(HubSettings(hf_repo_id=NAME, hf_token=hub.token("us")))

    assert "HTTP 503" in str(found.publish_blocker)
    assert NAME == found.unreachable
    assert "Training continues without the Hub" in caplog.text


@pytest.mark.usefixtures("hub")
def test_an_invalid_token_is_an_error():
    with pytest.raises(InvalidTokenError):
        read_snapshot(HubSettings(hf_repo_id=NAME, hf_token="hf_wrong"))  # noqa: S106  # no secret


def test_a_name_without_an_owner_is_an_error(hub):
    with pytest.raises(HubRequestError, match="its name has no owner"):
        read_snapshot(HubSettings(hf_repo_id="sentiment", hf_token=hub.token("us")))
