"""A repository on the Hub is read with the real client, and each failure says what to do."""

import errno
from pathlib import Path

import pytest

pytest.importorskip("huggingface_hub", reason="the training group is not installed")

# pylint: disable=wrong-import-position  # only where the training group is installed
from huggingface_hub import constants

from tests.support.hub import Hub
from training.hub.errors import (
    ForbiddenError,
    HubError,
    HubRequestError,
    HubUnavailableError,
    InvalidTokenError,
    NotFoundOrPrivateError,
    UnreachableError,
)
from training.hub.repository import HubRepository

NAME = "us/sentiment"
FILES = {"config.json": b'{"a": 1}', "model.safetensors": bytes(range(256)) * 400}


@pytest.fixture(name="hub")
def fixture_hub(hub: Hub) -> Hub:
    """Serve a Hub, with a repository on it."""
    hub.create(NAME)
    hub.commit(NAME, FILES)
    return hub


def ours(hub: Hub, token: str | None = None, name: str = NAME) -> HubRepository:
    """Return a repository as the training flow sees it."""
    return HubRepository(name, token, hub.url)


def test_the_head_is_the_newest_commit_and_its_files(hub: Hub) -> None:
    newest = hub.commit(NAME, {"metrics.json": b"{}"})

    head = ours(hub).head()

    assert newest.sha == head.sha
    assert {".gitattributes", "metrics.json", *FILES} == set(head.files)


def test_a_tag_is_found_and_a_missing_one_is_none(hub: Hub) -> None:
    tagged = hub.commit(NAME, {"metrics.json": b"{}"})
    hub.repositories["models", NAME].tags["v1"] = tagged.sha
    hub.commit(NAME, {"metrics.json": b"{ }"})

    found, missing = ours(hub).head("v1"), ours(hub).head("v2")

    assert tagged.sha == found.sha
    assert missing is None


def test_a_missing_repository_is_none_to_who_has_a_token(hub: Hub) -> None:
    head = ours(hub, hub.token("us"), "us/other").head()

    assert head is None


@pytest.mark.parametrize("name", ["us/other", "us/private"])
def test_without_a_token_missing_and_private_are_the_same_error(hub: Hub, name: str) -> None:
    hub.create("us/private", is_private=True)

    with pytest.raises(NotFoundOrPrivateError) as raised:
        ours(hub, name=name).head()

    assert (
        f"'{name}' on the Hugging Face Hub: there is no such repository, or it is private. "
        "Check HF_REPO_ID, and set HF_TOKEN, or run `hf auth login`."
    ) == str(raised.value)


def test_a_private_repository_opens_to_its_owners_token(hub: Hub, tmp_path: Path) -> None:
    hub.create("us/private", is_private=True)
    hub.commit("us/private", FILES)
    private = ours(hub, hub.token("us", may_write=False), "us/private")

    private.download(private.head().sha, tmp_path / "files")

    assert {name: (tmp_path / "files" / name).read_bytes() for name in FILES} == FILES


def test_a_login_on_the_machine_is_not_used(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.create("us/private", is_private=True)
    monkeypatch.setenv("HF_TOKEN", hub.token("us"))

    with pytest.raises(NotFoundOrPrivateError):
        ours(hub, name="us/private").head()


def test_a_wrong_token_is_an_error_that_says_what_to_do(hub: Hub) -> None:
    with pytest.raises(
        InvalidTokenError, match=r"does not accept.*Set HF_TOKEN to a valid"
    ) as raised:
        ours(hub, "hf_wrong").head()

    assert "hf_wrong" not in str(raised.value)


def test_a_token_never_shows(hub: Hub) -> None:
    repository = ours(hub, "hf_secret")

    assert "hf_secret" not in repr(repository)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_hub_in_trouble_is_an_error_that_says_try_later(hub: Hub, status: int) -> None:
    hub.faults.fail(".*", status)

    with pytest.raises(
        HubUnavailableError, match=rf"not able to answer now \(HTTP {status}\). Try again"
    ):
        ours(hub).head()


def test_a_forbidden_repository_is_an_error_that_names_the_settings(hub: Hub) -> None:
    hub.faults.fail(".*", 403)

    with pytest.raises(ForbiddenError, match=r"HTTP 403: .*Set HF_TOKEN to one .*or HF_REPO_ID"):
        ours(hub).head()


def test_an_unreachable_hub_is_an_error_that_names_its_address(hub: Hub) -> None:
    hub.stop()

    with pytest.raises(UnreachableError, match=rf"{hub.url}.*Check the network and HF_ENDPOINT"):
        ours(hub).head()


def test_offline_mode_counts_as_unreachable(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)

    with pytest.raises(UnreachableError, match="HF_HUB_OFFLINE"):
        ours(hub).head()


@pytest.mark.parametrize("endpoint", ["http://[", "localhost:3000"])
def test_an_address_that_is_none_is_an_error_of_ours(endpoint: str) -> None:
    with pytest.raises(HubError, match="HF_"):
        HubRepository(NAME, endpoint=endpoint).head()


def test_a_name_that_no_repository_has_is_an_error(hub: Hub) -> None:
    with pytest.raises(HubRequestError, match="Check HF_REPO_ID, a name like owner/name"):
        ours(hub, name="no/good/name").head()


def test_files_arrive_byte_for_byte(hub: Hub, tmp_path: Path) -> None:
    repository = ours(hub)

    names = repository.download(repository.head().sha, tmp_path / "files")

    found = {name: (tmp_path / "files" / name).read_bytes() for name in names}
    assert hub.files(NAME) == found


def test_only_what_was_asked_for_arrives_beside_what_is_there(hub: Hub, tmp_path: Path) -> None:
    old = hub.files(NAME)["config.json"]
    revision = ours(hub).head().sha
    hub.commit(NAME, {"config.json": b"newer"})
    (tmp_path / "notes.txt").write_text("mine")

    names = ours(hub).download(revision, tmp_path, ["*.json"])

    assert ("config.json",) == names
    assert old == (tmp_path / "config.json").read_bytes()
    assert {"config.json", "notes.txt"} == {path.name for path in tmp_path.iterdir()} - {"home"}


def test_a_download_that_breaks_leaves_the_folder_as_it_was(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("mine")
    hub.faults.cut("GET .*/resolve/.*safetensors")

    with pytest.raises(UnreachableError):
        ours(hub).download(ours(hub).head().sha, tmp_path)

    assert "mine" == (tmp_path / "config.json").read_text()
    assert {"config.json"} == {path.name for path in tmp_path.iterdir()} - {"home"}


def test_an_unreachable_hub_is_no_reason_to_take_what_lies_there(hub: Hub, tmp_path: Path) -> None:
    revision = ours(hub).head().sha
    ours(hub).download(revision, tmp_path / "files")
    hub.stop()

    with pytest.raises(UnreachableError):
        ours(hub).download(revision, tmp_path / "files")


def test_a_missing_revision_is_an_error(hub: Hub, tmp_path: Path) -> None:
    with pytest.raises(HubError, match="HTTP 404: Invalid rev id"):
        ours(hub).download("0" * 40, tmp_path / "files")


def test_the_machines_own_trouble_stays_what_it_is(hub: Hub) -> None:
    with pytest.raises(OSError, match="No space left") as raised, ours(hub).talk():
        raise OSError(errno.ENOSPC, "No space left on device")

    assert errno.ENOSPC == raised.value.errno


def test_the_address_is_the_hubs_own_unless_told(hub: Hub) -> None:
    assert f"{hub.url}/{NAME}" == ours(hub).url
    assert f"{constants.ENDPOINT}/{NAME}" == HubRepository(NAME).url
