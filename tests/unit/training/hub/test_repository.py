"""A repository is read with the real client, and each failure has a remedy."""

import errno
import logging

import pytest

pytest.importorskip("huggingface_hub", reason="the training group is not installed")

# pylint: disable=wrong-import-position  # only if the training group is installed
from huggingface_hub import constants

from training.command import run_command
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
def fixture_hub(hub):
    """Serve a Hub with a repository, and a private one."""
    hub.create(NAME)
    hub.commit(NAME, FILES)
    hub.create("us/private", is_private=True)
    hub.commit("us/private", FILES)
    return hub


def open_repository(hub, token=None, name=NAME):
    """Return a repository as training opens it."""
    return HubRepository(name, token, hub.url)


def test_the_commit_of_a_branch_a_tag_and_a_missing_tag(hub):
    repository = open_repository(hub)
    tagged = hub.commit(NAME, {"metrics.json": b"{}"})
    hub.repositories["models", NAME].tags["v1"] = tagged.sha
    newest = hub.commit(NAME, {"metrics.json": b"{ }"})

    found, tag, missing = (repository.get_commit(name) for name in ("main", "v1", "v2"))

    assert (newest.sha, tagged.sha, None) == (found.sha, tag.sha, missing)
    assert {".gitattributes", "metrics.json", *FILES} == set(found.files)


def test_a_command_logs_no_line_for_each_request(hub, caplog):
    caplog.set_level(logging.INFO)
    caplog.set_level(logging.INFO, "httpx2")  # restored after the test

    status = run_command(lambda: open_repository(hub).get_commit())

    assert (0, "") == (status, caplog.text)


def test_a_missing_repository_is_none_with_a_token(hub):
    assert open_repository(hub, hub.token("us"), "us/other").get_commit() is None


@pytest.mark.parametrize("name", ["us/other", "us/private"])
def test_without_a_token_missing_and_private_are_the_same_error(hub, name, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", hub.token("us"))  # a login on the machine, which is not used

    with pytest.raises(NotFoundOrPrivateError) as raised:
        open_repository(hub, name=name).get_commit()

    assert (
        f"'{name}' on the Hugging Face Hub: the repository does not exist or is private. "
        "Check HF_REPO_ID, and set HF_TOKEN, or run `hf auth login`."
    ) == str(raised.value)


def test_a_private_repository_can_be_read_with_its_owners_token(hub, tmp_path):
    private = open_repository(hub, hub.token("us", may_write=False), "us/private")

    private.download(private.get_commit().sha, tmp_path / "files")

    assert {name: (tmp_path / "files" / name).read_bytes() for name in FILES} == FILES


def test_an_invalid_token_is_never_shown(hub):
    repository = open_repository(hub, "hf_wrong")

    with pytest.raises(InvalidTokenError, match=r"is invalid.*Set HF_TOKEN to a valid") as raised:
        repository.get_commit()

    assert "hf_wrong" not in str(raised.value)
    assert "hf_wrong" not in repr(repository)


@pytest.mark.parametrize(
    ("status", "error", "message"),
    [
        (429, HubUnavailableError, r"unavailable \(HTTP 429\). Try again"),
        (500, HubUnavailableError, r"unavailable \(HTTP 500\). Try again"),
        (503, HubUnavailableError, r"unavailable \(HTTP 503\). Try again"),
        (403, ForbiddenError, r"HTTP 403: .*Set HF_TOKEN to one .*or HF_REPO_ID"),
    ],
)
def test_each_status_has_its_error(hub, status, error, message):
    hub.faults.fail(".*", status)

    with pytest.raises(error, match=message):
        open_repository(hub).get_commit()


def test_an_unreachable_hub_is_reported_with_its_address(hub):
    hub.stop()

    with pytest.raises(UnreachableError, match=rf"{hub.url}.*Check the network and HF_ENDPOINT"):
        open_repository(hub).get_commit()


def test_offline_mode_counts_as_unreachable(hub, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)

    with pytest.raises(UnreachableError, match="HF_HUB_OFFLINE"):
        open_repository(hub).get_commit()


@pytest.mark.parametrize("endpoint", ["http://[", "localhost:3000"])
def test_an_invalid_endpoint_is_a_hub_error(endpoint):
    with pytest.raises(HubError, match="HF_"):
        HubRepository(NAME, endpoint=endpoint).get_commit()


def test_an_invalid_name_is_refused(hub):
    with pytest.raises(HubRequestError, match="Check HF_REPO_ID, a name like owner/name"):
        open_repository(hub, name="no/good/name").get_commit()


def test_files_are_downloaded_byte_for_byte(hub, tmp_path):
    repository = open_repository(hub)

    names = repository.download(repository.get_commit().sha, tmp_path / "files")

    found = {name: (tmp_path / "files" / name).read_bytes() for name in names}
    assert hub.files(NAME) == found


def test_only_matching_files_are_downloaded_and_others_stay(hub, tmp_path):
    repository, folder = open_repository(hub), tmp_path / "files"
    old = hub.files(NAME)["config.json"]
    revision = repository.get_commit().sha
    hub.commit(NAME, {"config.json": b"newer"})
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")

    names = repository.download(revision, folder, ["*.json"])

    assert ("config.json",) == names
    assert old == (folder / "config.json").read_bytes()
    assert {"config.json", "notes.txt"} == {path.name for path in folder.iterdir()}


def test_a_broken_download_leaves_the_folder_unchanged(hub, tmp_path):
    repository, folder = open_repository(hub), tmp_path / "files"
    folder.mkdir()
    (folder / "config.json").write_text("mine")
    hub.faults.cut("GET .*/resolve/.*safetensors")

    with pytest.raises(UnreachableError):
        repository.download(repository.get_commit().sha, folder)

    assert "mine" == (folder / "config.json").read_text()
    assert {"config.json"} == {path.name for path in folder.iterdir()}


def test_earlier_downloads_do_not_stand_in_for_an_unreachable_hub(hub, tmp_path):
    repository = open_repository(hub)
    revision = repository.get_commit().sha
    repository.download(revision, tmp_path / "files")
    hub.stop()

    with pytest.raises(UnreachableError):
        repository.download(revision, tmp_path / "files")


def test_a_missing_revision_is_an_error(hub, tmp_path):
    with pytest.raises(HubError, match="HTTP 404: Invalid rev id"):
        open_repository(hub).download("0" * 40, tmp_path / "files")


def test_local_errors_are_passed_on(hub):
    with (
        pytest.raises(OSError, match="No space left") as raised,
        open_repository(hub).client(),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")

    assert errno.ENOSPC == raised.value.errno


def test_the_url_uses_the_endpoint_or_the_hub(hub):
    assert f"{hub.url}/{NAME}" == open_repository(hub).url
    assert f"{constants.ENDPOINT}/{NAME}" == HubRepository(NAME).url
