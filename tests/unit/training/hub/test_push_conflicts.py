"""A champion never replaces a model that it was not compared with."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

pytest.importorskip("huggingface_hub", reason="the training group is not installed")

# pylint: disable=wrong-import-position  # only if the training group is installed
from tests.support.hub.client import UPLOAD_DEPRECATION
from tests.support.hub.publishing import NAME, content, on_hub, push
from training.hub.push import ConflictError, PublishedCommit, TagTakenError

pytestmark = pytest.mark.filterwarnings(UPLOAD_DEPRECATION)


@pytest.fixture(name="first")
def fixture_first(ours, champion):
    """Publish a first champion, and return its commit."""
    return push(champion("first"), ours).commit


@pytest.mark.parametrize(
    "beside", [{"LICENSE": b"mit"}, {"docs/use.md": b"x", "notes.json": b"{}"}, {"my.png": b"x"}]
)
def test_a_commit_that_left_the_model_alone_is_no_conflict(  # pylint: disable=too-many-arguments,too-many-positional-arguments
    hub, ours, champion, first, beside
):
    hub.commit(NAME, beside)
    second = champion("second")

    push(second, ours, first, "v2")

    assert content(second) | beside == on_hub(hub)


@pytest.mark.parametrize(
    "change",
    [
        {"model.safetensors": b"others"},
        {"config.json": b'{"other": 1}'},
        {"config.json": None},
        {"README.md": b"edited", "best_metrics.json": b"{ }"},
        {"published_files.json": b"{}"},
    ],
)
def test_a_commit_that_changed_the_model_is_a_conflict(  # pylint: disable=too-many-arguments,too-many-positional-arguments
    hub, ours, champion, first, change
):
    hub.commit(NAME, change)
    before = hub.state(NAME)
    (name,) = change.keys() - {"README.md"}

    with pytest.raises(ConflictError, match=rf"has changed {re.escape(name)}\. .*Run the training"):
        push(champion("second"), ours, first, "v2")

    assert before == hub.state(NAME)


@pytest.mark.usefixtures("first")
def test_a_rewritten_history_is_a_conflict(ours, champion):
    with pytest.raises(ConflictError, match="has changed its history"):
        push(champion("second"), ours, "0" * 40, "v2")


def test_a_champion_published_since_the_comparison_is_a_conflict(hub, ours, champion, first):
    push(champion("second"), ours, first, "v2")
    before = hub.state(NAME)

    for parent in (first, None):
        with pytest.raises(ConflictError, match=r"has changed since .*Run the training again"):
            push(champion(f"third-{parent}"), ours, parent, "v3")

    assert before == hub.state(NAME)


def test_a_commit_during_the_upload_is_a_conflict(hub, ours, champion, first):
    kept = on_hub(hub)
    hub.faults.before(
        "POST .*/commit/", lambda: hub.commit(NAME, {"best_metrics.json": b"another"})
    )

    with pytest.raises(ConflictError, match=r"changed during the upload.*Run the training again"):
        push(champion("second"), ours, first, "v2")

    assert {**kept, "best_metrics.json": b"another"} == on_hub(hub)
    assert {"v1": first} == hub.state(NAME).tags


def test_a_deleted_repository_is_a_conflict(hub, ours, champion):
    with pytest.raises(ConflictError, match="the repository was deleted"):
        push(champion("second"), ours, "0" * 40, "v2")

    assert hub.state(NAME) is None


def test_one_of_two_simultaneous_pushes_wins(hub, ours, champion, first):
    both = threading.Barrier(2)
    hub.faults.before("POST .*/commit/", lambda: both.wait(30), times=2)

    def outcome(name):
        try:
            return push(champion(name), ours, first, name)
        except ConflictError as error:
            return error

    with ThreadPoolExecutor(2) as threads:
        outcomes = list(threads.map(outcome, ["one", "other"]))

    (winner,) = (each for each in outcomes if isinstance(each, PublishedCommit))
    assert winner.commit == hub.state(NAME).head
    assert {"v1": first, winner.tag: winner.commit} == hub.state(NAME).tags
    assert winner.tag.encode() * 20_000 == hub.files(NAME)["model.safetensors"]


def test_a_tag_on_another_commit_is_an_error_before_anything_is_sent(hub, ours, champion, first):
    before = hub.state(NAME)

    with pytest.raises(TagTakenError, match=r"'v1' .*Publish under another tag"):
        push(champion("second"), ours, first, "v1")

    assert before == hub.state(NAME)
