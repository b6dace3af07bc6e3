"""The stand-in for the Hub behaves toward real clients as the tests assume."""

import hashlib
import os
import threading
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

pytest.importorskip("huggingface_hub", reason="the training group is not installed")

# pylint: disable=wrong-import-position  # only if the training group is installed
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
from huggingface_hub.errors import HfHubHTTPError

from tests.support.hub import Hub
from tests.support.hub.client import UPLOAD_DEPRECATION
from tests.support.server import run_python
from training.data.dataset import load

pytestmark = pytest.mark.filterwarnings(UPLOAD_DEPRECATION)

NAME = "us/sentiment"
BIG = bytes(range(256)) * 400
SAME_WEIGHTS = """
import sys, torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer
there, here = map(AutoModelForSequenceClassification.from_pretrained, sys.argv[1:])
ours, theirs = here.state_dict(), there.state_dict()
print(ours.keys() == theirs.keys() and all(torch.equal(ours[k], theirs[k]) for k in ours))
there, here = map(AutoTokenizer.from_pretrained, sys.argv[1:])
print(there("Beautiful post!!!") == here("Beautiful post!!!"))
"""
FINGERPRINT = (
    "import sys; from training.data.dataset import load; print(load(*sys.argv[1:]).fingerprint)"
)


@pytest.fixture(name="hub")
def fixture_hub(hub: Hub) -> Hub:
    """Serve a Hub, with a repository on it."""
    hub.create(NAME)
    return hub


@pytest.fixture(name="api")
def fixture_api(hub: Hub) -> HfApi:
    """Return the Hub's client, with a token that may write."""
    return HfApi(hub.url, token=hub.token("us"))


def uploads(hub: Hub, api: HfApi, data: bytes) -> dict:
    """Return the LFS upload actions for a file."""
    batch = {"objects": [{"oid": hashlib.sha256(data).hexdigest(), "size": len(data)}]}
    answer = httpx.post(
        f"{hub.url}/{NAME}.git/info/lfs/objects/batch",
        json=batch,
        headers={"Authorization": f"Bearer {api.token}"},
    )
    return answer.json()["objects"][0].get("actions", {})


@pytest.mark.slow
def test_transformers_loads_a_private_model_from_it(
    hub: Hub, starter: Path, tmp_path: Path
) -> None:
    pytest.importorskip("torch", reason="the training group is not installed")
    hub.create("us/private", is_private=True)
    hub.commit("us/private", {path.name: path.read_bytes() for path in starter.iterdir()})
    own = hub.environment(tmp_path / "home", hub.token("us", may_write=False))

    printed = run_python(["-c", SAME_WEIGHTS, "us/private", str(starter)], {**os.environ, **own})

    assert ["True", "True"] == printed.split()


@pytest.mark.parametrize("is_private", [False, True])
def test_datasets_loads_tweets_from_it(
    hub: Hub, data_folder: Callable[..., Path], tmp_path: Path, is_private: bool
) -> None:
    rows = {"text": ["bad", "so so", "good"], "label": [0, 1, 2]}
    folder = data_folder(train=rows, validation=rows)
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
    hub.create("us/tweets", "datasets", is_private=is_private)
    hub.commit("us/tweets", files, "datasets")
    token = [hub.token("us")] if is_private else []

    printed = run_python(
        ["-c", FINGERPRINT, "us/tweets", *token],
        {**os.environ, **hub.environment(tmp_path / "home")},
    )

    assert load(str(folder)).fingerprint == printed.strip()


def test_an_lfs_upload_with_another_hash_or_size_is_refused(hub: Hub, api: HfApi) -> None:
    place = uploads(hub, api, BIG)["upload"]["href"]

    answers = [httpx.put(place, content=data).status_code for data in (BIG[1:], BIG[::-1], BIG)]

    assert [400, 400, 200] == answers
    assert {hashlib.sha256(BIG).hexdigest(): BIG} == hub.blobs


def test_an_uploaded_lfs_file_needs_no_second_upload(hub: Hub, api: HfApi) -> None:
    api.upload_file(path_or_fileobj=BIG, path_in_repo="a.bin", repo_id=NAME)

    actions = uploads(hub, api, BIG)

    assert {} == actions


def test_an_lfs_file_that_was_not_uploaded_cannot_be_committed(hub: Hub, api: HfApi) -> None:
    before = hub.state(NAME)
    lost = CommitOperationAdd("lost.bin", BIG)
    api.preupload_lfs_files(NAME, [lost], free_memory=False)
    hub.blobs.clear()

    with pytest.raises(HfHubHTTPError, match="was not uploaded"):
        api.create_commit(NAME, [lost], commit_message="lost")

    assert before == hub.state(NAME)


def test_a_commit_with_one_bad_part_changes_nothing(hub: Hub, api: HfApi) -> None:
    before = hub.state(NAME)
    parts = [CommitOperationAdd("good.txt", b"good"), CommitOperationDelete("missing.txt")]

    with pytest.raises(HfHubHTTPError, match="404"):
        api.create_commit(NAME, parts, commit_message="half good")

    assert before == hub.state(NAME)


def test_commits_are_immutable(hub: Hub, api: HfApi) -> None:
    first = api.upload_file(path_or_fileobj=b"1", path_in_repo="a.txt", repo_id=NAME).oid
    second = api.upload_file(path_or_fileobj=b"2", path_in_repo="a.txt", repo_id=NAME).oid

    found = [hub.files(NAME, sha)["a.txt"] for sha in (first, second)]

    assert [b"1", b"2"] == found
    assert second == api.model_info(NAME).sha


def test_a_tag_is_created_once_and_listed(hub: Hub, api: HfApi) -> None:
    head = hub.state(NAME).head
    api.create_tag(NAME, tag="v1")

    with pytest.raises(HfHubHTTPError, match="409"):
        api.create_tag(NAME, tag="v1")

    tags = api.list_repo_refs(NAME).tags
    assert [("v1", head)] == [(tag.name, tag.target_commit) for tag in tags]


def test_a_repository_is_created_once(hub: Hub, api: HfApi) -> None:
    api.create_repo("us/other", private=True)

    with pytest.raises(HfHubHTTPError, match="409"):
        api.create_repo("us/other")

    assert hub.repositories["models", "us/other"].is_private


def test_a_range_of_a_file_can_be_requested(hub: Hub) -> None:
    hub.commit(NAME, {"a.bin": BIG})
    place = f"{hub.url}/{NAME}/resolve/main/a.bin"

    parts = [
        httpx.get(place, headers={"Range": f"bytes={asked}"})
        for asked in ("5-9", "102395-", "102400-")
    ]

    assert [206, 206, 416] == [part.status_code for part in parts]
    assert [BIG[5:10], BIG[-5:]] == [part.content for part in parts[:2]]


def test_a_token_identifies_its_account(hub: Hub, api: HfApi) -> None:
    reader = HfApi(hub.url, token=hub.token("them", may_write=False))

    accounts = [
        (who["name"], who["auth"]["accessToken"]["role"]) for who in (api.whoami(), reader.whoami())
    ]

    assert [("us", "write"), ("them", "read")] == accounts


def test_its_threads_end_with_its_context() -> None:
    threads = threading.active_count()

    with Hub() as hub, httpx.Client() as client:
        client.get(f"{hub.url}/api/models/{NAME}")  # leaves its connection open
        hub.stop()

    assert threads == threading.active_count()
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{hub.url}/api/models/{NAME}")
