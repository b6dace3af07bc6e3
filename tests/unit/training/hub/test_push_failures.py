"""A failed publication changes nothing, names a remedy, and can be resumed."""

import os

import pytest

pytest.importorskip("huggingface_hub", reason="the training group is not installed")

# pylint: disable=wrong-import-position  # only if the training group is installed
from tests.support.hub.client import UPLOAD_DEPRECATION
from tests.support.hub.publishing import NAME, RESUME, content, on_hub, push
from tests.support.server import run_python
from training.hub.errors import (
    ForbiddenError,
    HubRequestError,
    HubUnavailableError,
    InvalidTokenError,
    UnreachableError,
)
from training.hub.push import PublishError, UnfinishedError
from training.hub.repository import HubRepository

pytestmark = pytest.mark.filterwarnings(UPLOAD_DEPRECATION)

COMMIT, TAG, PUT = "POST .*/commit/", "POST .*/tag/", "PUT "
PUSH_BY_XET = """
import pathlib, sys
from training.hub.repository import HubRepository
from training.hub.push import push_to_hf
repository = HubRepository("us/sentiment", sys.argv[2])
push_to_hf(pathlib.Path(sys.argv[1]), repository, parent_commit=None, tag="v1", message="First")
"""


def test_an_invalid_token_is_reported_without_showing_it(hub, ours, champion):
    first = push(champion("first"), ours)
    before = hub.state(NAME)

    with pytest.raises(UnfinishedError, match=rf"Set HF_TOKEN to a valid.*{RESUME}") as raised:
        push(champion("second"), HubRepository(NAME, "hf_wrong", hub.url), first.commit, "v2")

    assert isinstance(raised.value.__cause__, InvalidTokenError)
    assert "hf_wrong" not in str(raised.value)
    assert before == hub.state(NAME)


@pytest.mark.parametrize("exists", [False, True])
@pytest.mark.parametrize(("user", "may_write"), [("us", False), ("them", True)])
def test_a_token_without_permission_is_reported(  # pylint: disable=too-many-arguments,too-many-positional-arguments
    hub, champion, user, may_write, exists
):
    if exists:
        hub.create(NAME)
    before = hub.state(NAME)
    theirs = HubRepository(NAME, hub.token(user, may_write), hub.url)
    message = f"^'{NAME}'.*HTTP 403.*Set HF_TOKEN to one with write permission.*{RESUME}"

    with pytest.raises(UnfinishedError, match=message) as raised:
        push(champion("first"), theirs)

    assert isinstance(raised.value.__cause__, ForbiddenError)
    assert before == hub.state(NAME)


@pytest.mark.parametrize("place", [COMMIT, PUT, "POST .*/preupload/", "GET ", "cut"])
def test_a_failing_hub_changes_nothing_and_the_push_can_be_repeated(hub, ours, champion, place):
    first = push(champion("first"), ours)
    before, blobs = hub.state(NAME), set(hub.blobs)
    second = champion("second")
    if place == "cut":
        hub.faults.cut(PUT, after_bytes=1_000)
        cause, message = UnreachableError, "Check the network and HF_ENDPOINT"
    else:
        hub.faults.fail(place, 500)
        cause, message = HubUnavailableError, "HTTP 500.*Try again later"

    with pytest.raises(UnfinishedError, match=f"{message}.*{RESUME}") as raised:
        push(second, ours, first.commit, "v2")

    assert isinstance(raised.value.__cause__, cause)
    assert before == hub.state(NAME)
    if place == "cut":
        assert blobs == set(hub.blobs)

    hub.faults.clear()
    push(second, ours, first.commit, "v2")

    assert content(second) == on_hub(hub, "v2")


def test_an_upload_that_breaks_once_is_retried(hub, ours, champion):
    first = champion("first")
    hub.faults.cut(PUT, after_bytes=1_000, times=1)

    push(first, ours)

    assert content(first) == on_hub(hub)


def test_after_a_failure_between_commit_and_tag_only_the_tag_is_made(hub, ours, champion):
    first = push(champion("first"), ours)
    second = champion("second")
    hub.faults.fail(TAG, 500, times=1)

    with pytest.raises(UnfinishedError, match=RESUME):
        push(second, ours, first.commit, "v2")

    untagged = hub.state(NAME)
    assert content(second) == on_hub(hub)
    assert {"v1": first.commit} == untagged.tags

    published = push(second, ours, first.commit, "v2")

    assert untagged.head == published.commit == hub.state(NAME).head
    assert {"v1": first.commit, "v2": untagged.head} == hub.state(NAME).tags


def test_a_commit_whose_response_was_lost_is_not_repeated(hub, ours, champion):
    first = champion("first")
    hub.faults.lose_answer(COMMIT)

    with pytest.raises(UnfinishedError, match=RESUME):
        push(first, ours)

    made = hub.state(NAME).head

    assert made == push(first, ours).commit
    assert {"v1": made} == hub.state(NAME).tags


@pytest.mark.parametrize("edit", [{}, {"README.md": b"edited"}])
def test_a_published_champion_is_not_published_again(hub, ours, champion, edit):
    first = champion("first")
    published = push(first, ours)
    if edit:
        hub.commit(NAME, edit)
    before = hub.state(NAME)

    again = push(first, ours)

    assert published == again
    assert before == hub.state(NAME)


def test_a_name_without_an_owner_is_refused(hub, champion):
    with pytest.raises(PublishError, match="HF_REPO_ID, a name like owner/name") as raised:
        push(champion("first"), HubRepository("sentiment", hub.token("us"), hub.url))

    assert isinstance(raised.value.__cause__, HubRequestError)
    assert {} == hub.repositories


@pytest.mark.parametrize(
    ("status", "remedy"),
    [(401, "Set HF_TOKEN to a valid one"), (403, "Set HF_TOKEN to one with write")],
)
def test_a_refusal_by_the_xet_protocol_has_the_same_remedy(  # pylint: disable=too-many-arguments,too-many-positional-arguments
    hub, champion, tmp_path, status, remedy
):
    hub.faults.fail("GET .*/xet-write-token/", status)
    variables = {**hub.environment(tmp_path / "home"), "HF_HUB_DISABLE_XET": "0"}
    arguments = ["-c", PUSH_BY_XET, str(champion("first")), hub.token("us")]

    with pytest.raises(AssertionError, match=rf"UnfinishedError: '{NAME}'.*{remedy}"):
        run_python(arguments, {**os.environ, **variables})

    assert {".gitattributes"} == set(hub.files(NAME))
