"""A champion gets to the Hub with the real client: as a whole, once, and over nobody else's."""

import hashlib
import os
import re
import shutil
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

pytest.importorskip("huggingface_hub", reason="the training group is not installed")

# pylint: disable=wrong-import-position  # only where the training group is installed
from huggingface_hub import ModelCard

from tests.support.hub import Hub
from tests.support.hub.client import UPLOAD_DEPRECATION
from tests.support.server import run_python
from training.hub.errors import (
    ForbiddenError,
    HubRequestError,
    HubUnavailableError,
    InvalidTokenError,
    UnreachableError,
)
from training.hub.manifest import MANIFEST
from training.hub.push import (
    ConflictError,
    NoChampionError,
    Published,
    PublishError,
    TagTakenError,
    UnfinishedError,
    push_to_hf,
)
from training.hub.repository import HubRepository

pytestmark = pytest.mark.filterwarnings(UPLOAD_DEPRECATION)

NAME = "us/sentiment"
CARD = b"---\nlicense: apache-2.0\n---\n# Tweets\n"
AGAIN = r"Then run `python -m training\.publish`, which goes on where this stopped"
COMMIT, TAG, PUT = "POST .*/commit/", "POST .*/tag/", "PUT "
BY_XET = """
import pathlib, sys
from training.hub.repository import HubRepository
from training.hub.push import push_to_hf
repository = HubRepository("us/sentiment", sys.argv[2])
push_to_hf(pathlib.Path(sys.argv[1]), repository, parent_commit=None, tag="v1", message="First")
"""


@pytest.fixture(name="ours")
def fixture_ours(hub: Hub) -> HubRepository:
    """Return a repository, which is not there yet, with a token that may write to it."""
    return HubRepository(NAME, hub.token("us"), hub.url)


@pytest.fixture(name="champion")
def fixture_champion(tmp_path: Path) -> Callable[[str], Path]:
    """Give a maker of small folders as they are published, of which no two are alike."""

    def make(name: str) -> Path:
        folder = tmp_path / name
        (folder / "pictures").mkdir(parents=True)
        (folder / "README.md").write_bytes(CARD)
        (folder / "config.json").write_text("{}", encoding="utf-8")
        (folder / "best_metrics.json").write_text(f'{{"by": "{name}"}}', encoding="utf-8")
        (folder / "model.safetensors").write_bytes(name.encode() * 20_000)
        (folder / "pictures" / "confusion.png").write_bytes(name.encode() * 2_000)
        return folder

    return make


def push(
    folder: Path, repository: HubRepository, parent: str | None = None, tag: str = "v1"
) -> Published:
    """Publish a folder."""
    return push_to_hf(folder, repository, parent_commit=parent, tag=tag, message="A better one")


def content(folder: Path) -> dict[str, bytes]:
    """Return the files of a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def on_hub(hub: Hub, revision: str = "main") -> dict[str, bytes]:
    """Return the files of the repository but the Hub's own and the manifest."""
    files = hub.files(NAME, revision)
    return {name: data for name, data in files.items() if name not in (".gitattributes", MANIFEST)}


def test_a_whole_model_arrives_byte_for_byte_in_one_commit(
    hub: Hub, ours: HubRepository, starter: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(starter, folder)
    (folder / "best_metrics.json").write_text("{}", encoding="utf-8")
    (folder / "README.md").write_bytes(CARD)

    published = push(folder, ours)

    ours.download("v1", tmp_path / "back")
    back = content(tmp_path / "back")
    del back[".gitattributes"], back[MANIFEST]
    weights = (folder / "model.safetensors").read_bytes()
    assert content(folder) == back
    assert weights == hub.blobs[hashlib.sha256(weights).hexdigest()]
    assert 2 == len(hub.repositories["models", NAME].commits)  # the Hub's own, and ours
    assert Published(hub.state(NAME).head, "v1", f"{hub.url}/{NAME}/tree/v1") == published
    assert {"v1": published.commit} == hub.state(NAME).tags


def test_a_new_champion_takes_the_place_of_all_files_of_the_old_one(
    hub: Hub, ours: HubRepository, champion: Callable[[str], Path]
) -> None:
    old, new = champion("old"), champion("new")
    (old / "openvino_model.bin").write_bytes(b"stale")
    first = push(old, ours)

    second = push(new, ours, first.commit, "v2")

    assert content(new) == on_hub(hub)
    assert content(old) == on_hub(hub, "v1")
    assert {"v1": first.commit, "v2": second.commit} == hub.state(NAME).tags
    assert ".gitattributes" in hub.files(NAME)


def test_what_no_publication_wrote_stays_whatever_it_is_called(
    hub: Hub, ours: HubRepository, champion: Callable[[str], Path]
) -> None:
    old = champion("old")
    (old / "openvino_model.bin").write_bytes(b"stale")
    (old / "vocab.txt").write_bytes(b"stale")
    first = push(old, ours)
    beside = dict.fromkeys(
        ("LICENSE", "docs/use.json", "model-2.safetensors", "notes.txt", "my.png"), b"mine"
    )
    hub.commit(NAME, beside | {"vocab.txt": b"mine now"})
    hub.commit(NAME, {"vocab.txt": b"stale", "openvino_model.bin": b"stale"})
    head = hub.commit(NAME, {"vocab.txt": b"mine now"}).sha
    new = champion("new")

    push(new, ours, head, "v2")

    assert content(new) | beside | {"vocab.txt": b"mine now"} == on_hub(hub)
    assert {"v1": first.commit, "v2": hub.state(NAME).head} == hub.state(NAME).tags


def test_of_publications_without_a_manifest_nothing_is_deleted(
    hub: Hub, ours: HubRepository, champion: Callable[[str], Path], caplog
) -> None:
    hub.create(NAME)
    old = {"vocab.txt": b"theirs or ours", "best_metrics.json": b"{}", "config.json": b"{ }"}
    head = hub.commit(NAME, old).sha
    first, second = champion("first"), champion("second")
    (first / "promotions.png").write_bytes(b"picture")

    push(first, ours, head)

    assert content(first) | {"vocab.txt": b"theirs or ours"} == on_hub(hub)
    assert "vocab.txt of us/sentiment may be left of an earlier publication" in caplog.text
    push(second, ours, hub.state(NAME).head, "v2")  # from here on there is one
    assert content(second) | {"vocab.txt": b"theirs or ours"} == on_hub(hub)


@pytest.mark.parametrize("manifest", [b"no JSON", b"[]", b'{"files": {"a": 1}}', b'{"files": 1}'])
def test_a_manifest_that_makes_no_sense_counts_as_none(
    hub: Hub, ours: HubRepository, champion: Callable[[str], Path], manifest: bytes
) -> None:
    old = champion("old")
    (old / "vocab.txt").write_bytes(b"stale")
    push(old, ours)
    head = hub.commit(NAME, {MANIFEST: manifest}).sha

    push(champion("new"), ours, head, "v2")

    assert b"stale" == hub.files(NAME)["vocab.txt"]


def test_a_repository_without_a_champion_is_filled_and_what_people_wrote_is_kept(
    hub: Hub, ours: HubRepository, champion: Callable[[str], Path], caplog
) -> None:
    hub.create(NAME)
    hub.commit(NAME, {"README.md": b"to come", "config.json": b"theirs"})
    first = champion("first")

    push(first, ours)

    assert content(first) | {"README.before-v1.md": b"to come"} == on_hub(hub)
    assert "README.before-v1.md keeps its text" in caplog.text
    assert "config.json of us/sentiment is replaced, though no publication wrote it" in caplog.text


EDITED = """---
language: fr
license: mit
tags:
- mine
---
# Tweets

Ask me about them.
"""


@pytest.mark.parametrize("when", ["before the comparison", "after it"])
def test_a_card_that_was_edited_is_no_conflict_and_no_edit_is_lost(
    hub: Hub, ours: HubRepository, champion: Callable[[str], Path], caplog, when: str
) -> None:
    compared = push(champion("first"), ours).commit
    edited = hub.commit(NAME, {"README.md": EDITED.encode()}).sha
    if when == "before the comparison":
        compared = edited
    second = champion("second")
    (second / "README.md").write_text("---\nlanguage: en\ntags:\n- tweets\n---\n# New\n")

    push(second, ours, compared, "v2")

    files = on_hub(hub)
    card = ModelCard(files["README.md"].decode())
    told = {"language": "en", "license": "mit", "tags": ["tweets", "mine"]}
    assert (told, "# New\n") == (card.data.to_dict(), card.text)
    assert EDITED.encode() == files["README.before-v2.md"]
    assert {**content(second), "README.md": b""} == {
        **{name: data for name, data in files.items() if name != "README.before-v2.md"},
        "README.md": b"",
    }
    assert "README.before-v2.md keeps its text" in caplog.text
    third = push(champion("third"), ours, hub.state(NAME).head, "v3")  # which nobody has edited
    assert third.commit == hub.state(NAME).head
    assert "README.before-v3.md" not in on_hub(hub)


def test_a_licence_alone_is_taken_over_without_a_copy(
    hub: Hub, ours: HubRepository, champion: Callable[[str], Path]
) -> None:
    hub.create(NAME)  # as the Hub's page does it for whom chooses a licence there
    hub.commit(NAME, {"README.md": b"---\nlicense: mit\n---\n"})
    first = champion("first")
    (first / "README.md").write_bytes(b"# Tweets\n")

    push(first, ours)

    assert {*content(first)} == {*on_hub(hub)}
    card = ModelCard(on_hub(hub)["README.md"].decode())
    assert ("mit", "# Tweets") == (card.data.license, card.text.strip())


@pytest.mark.parametrize(
    "beside", [{"LICENSE": b"mit"}, {"docs/use.md": b"x", "notes.json": b"{}"}, {"my.png": b"x"}]
)
def test_a_commit_beside_the_model_is_no_conflict(
    hub: Hub, ours: HubRepository, champion: Callable[[str], Path], beside: dict[str, bytes]
) -> None:
    first = push(champion("first"), ours)
    hub.commit(NAME, beside)
    second = champion("second")

    push(second, ours, first.commit, "v2")

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
def test_a_commit_that_touched_the_model_is_a_conflict(
    hub: Hub, ours: HubRepository, champion: Callable[[str], Path], change: dict
) -> None:
    first = push(champion("first"), ours)
    hub.commit(NAME, change)
    before = hub.state(NAME)
    (name,) = change.keys() - {"README.md"}

    with pytest.raises(ConflictError, match=rf"has changed {re.escape(name)}\. .*Run the training"):
        push(champion("second"), ours, first.commit, "v2")

    assert before == hub.state(NAME)


def test_a_history_that_was_rewritten_is_a_conflict(
    ours: HubRepository, champion: Callable[[str], Path]
) -> None:
    push(champion("first"), ours)

    with pytest.raises(ConflictError, match="has changed its history"):
        push(champion("second"), ours, "0" * 40, "v2")


def test_after_an_edit_of_the_card_the_published_champion_is_found_by_its_tag(
    hub: Hub, ours: HubRepository, champion: Callable[[str], Path]
) -> None:
    first = champion("first")
    published = push(first, ours)
    hub.commit(NAME, {"README.md": b"edited"})
    before = hub.state(NAME)

    again = push(first, ours)

    assert published == again
    assert before == hub.state(NAME)


def test_a_champion_that_was_not_compared_with_is_a_conflict(
    hub: Hub, ours: HubRepository, champion: Callable[[str], Path]
) -> None:
    first = push(champion("first"), ours)
    push(champion("second"), ours, first.commit, "v2")
    before = hub.state(NAME)

    for parent in (first.commit, None):
        with pytest.raises(ConflictError, match=r"another run .*Run the training again"):
            push(champion(f"third-{parent}"), ours, parent, "v3")

    assert before == hub.state(NAME)


def test_a_commit_during_the_upload_is_a_conflict(
    hub: Hub, ours: HubRepository, champion: Callable[[str], Path]
) -> None:
    first = push(champion("first"), ours)
    kept = on_hub(hub)
    hub.faults.before(COMMIT, lambda: hub.commit(NAME, {"best_metrics.json": b"another"}))

    with pytest.raises(ConflictError, match=r"changed during the upload.*Run the training again"):
        push(champion("second"), ours, first.commit, "v2")

    assert {**kept, "best_metrics.json": b"another"} == on_hub(hub)
    assert {"v1": first.commit} == hub.state(NAME).tags


def test_a_repository_that_is_gone_is_a_conflict(
    hub: Hub, ours: HubRepository, champion: Callable[[str], Path]
) -> None:
    with pytest.raises(ConflictError, match="the repository is gone"):
        push(champion("second"), ours, "0" * 40, "v2")

    assert hub.state(NAME) is None


def test_of_two_pushes_at_once_one_wins(
    hub: Hub, ours: HubRepository, champion: Callable[[str], Path]
) -> None:
    first = push(champion("first"), ours)
    both = threading.Barrier(2)
    hub.faults.before(COMMIT, lambda: both.wait(30), times=2)

    def outcome(name: str) -> Published | ConflictError:
        try:
            return push(champion(name), ours, first.commit, name)
        except ConflictError as error:
            return error

    with ThreadPoolExecutor(2) as threads:
        outcomes = list(threads.map(outcome, ["one", "other"]))

    winners = [each for each in outcomes if isinstance(each, Published)]
    assert 1 == len(winners)
    assert winners[0].commit == hub.state(NAME).head
    assert {"v1": first.commit, winners[0].tag: winners[0].commit} == hub.state(NAME).tags
    assert winners[0].tag.encode() * 20_000 == hub.files(NAME)["model.safetensors"]


def test_a_wrong_token_is_an_error_that_says_what_to_do(
    hub: Hub, ours: HubRepository, champion: Callable[[str], Path]
) -> None:
    first = push(champion("first"), ours)
    before = hub.state(NAME)

    with pytest.raises(UnfinishedError, match=rf"Set HF_TOKEN to a valid.*{AGAIN}") as raised:
        push(champion("second"), HubRepository(NAME, "hf_wrong", hub.url), first.commit, "v2")

    assert isinstance(raised.value.__cause__, InvalidTokenError)
    assert "hf_wrong" not in str(raised.value)
    assert before == hub.state(NAME)


@pytest.mark.parametrize("exists", [False, True])
@pytest.mark.parametrize(("user", "may_write"), [("us", False), ("them", True)])
def test_a_token_that_may_not_write_is_an_error_that_says_what_to_do(
    hub: Hub, champion: Callable[[str], Path], user: str, may_write: bool, exists: bool
) -> None:
    if exists:
        hub.create(NAME)
    before = hub.state(NAME)
    theirs = HubRepository(NAME, hub.token(user, may_write), hub.url)
    told = f"^'{NAME}'.*HTTP 403.*Set HF_TOKEN to one with write permission.*{AGAIN}"

    with pytest.raises(UnfinishedError, match=told) as raised:
        push(champion("first"), theirs)

    assert isinstance(raised.value.__cause__, ForbiddenError)
    assert before == hub.state(NAME)


def test_an_upload_that_is_cut_every_time_changes_nothing_and_can_be_done_again(
    hub: Hub, ours: HubRepository, champion: Callable[[str], Path]
) -> None:
    first = push(champion("first"), ours)
    before, blobs = hub.state(NAME), set(hub.blobs)
    second = champion("second")
    hub.faults.cut(PUT, after_bytes=1_000)

    with pytest.raises(
        UnfinishedError, match=rf"Check the network and HF_ENDPOINT.*{AGAIN}"
    ) as cut:
        push(second, ours, first.commit, "v2")

    assert isinstance(cut.value.__cause__, UnreachableError)
    assert before == hub.state(NAME)
    assert blobs == set(hub.blobs)

    hub.faults.clear()
    push(second, ours, first.commit, "v2")

    assert content(second) == on_hub(hub, "v2")


def test_an_upload_that_is_cut_once_is_none_the_worse(
    hub: Hub, ours: HubRepository, champion: Callable[[str], Path]
) -> None:
    first = champion("first")
    hub.faults.cut(PUT, after_bytes=1_000, times=1)

    push(first, ours)

    assert content(first) == on_hub(hub)


@pytest.mark.parametrize("place", [COMMIT, PUT, "POST .*/preupload/", "GET "])
def test_a_hub_in_trouble_changes_nothing_and_can_be_asked_again(
    hub: Hub, ours: HubRepository, champion: Callable[[str], Path], place: str
) -> None:
    first = push(champion("first"), ours)
    before = hub.state(NAME)
    second = champion("second")
    hub.faults.fail(place, 500)

    with pytest.raises(UnfinishedError, match=rf"HTTP 500.*Try again later.*{AGAIN}") as raised:
        push(second, ours, first.commit, "v2")

    assert isinstance(raised.value.__cause__, HubUnavailableError)
    assert before == hub.state(NAME)

    hub.faults.clear()
    push(second, ours, first.commit, "v2")

    assert content(second) == on_hub(hub, "v2")


def test_after_a_failure_between_commit_and_tag_only_the_tag_is_made(
    hub: Hub, ours: HubRepository, champion: Callable[[str], Path]
) -> None:
    first = push(champion("first"), ours)
    second = champion("second")
    hub.faults.fail(TAG, 500, times=1)

    with pytest.raises(UnfinishedError, match=AGAIN):
        push(second, ours, first.commit, "v2")

    untagged = hub.state(NAME)
    assert content(second) == on_hub(hub)
    assert {"v1": first.commit} == untagged.tags

    published = push(second, ours, first.commit, "v2")

    assert untagged.head == published.commit == hub.state(NAME).head
    assert {"v1": first.commit, "v2": untagged.head} == hub.state(NAME).tags


def test_a_commit_whose_answer_was_lost_is_not_made_again(
    hub: Hub, ours: HubRepository, champion: Callable[[str], Path]
) -> None:
    first = champion("first")
    hub.faults.lose_answer(COMMIT)

    with pytest.raises(UnfinishedError, match=AGAIN):
        push(first, ours)

    made = hub.state(NAME).head

    assert made == push(first, ours).commit
    assert {"v1": made} == hub.state(NAME).tags


def test_what_is_published_already_is_left_alone(
    hub: Hub, ours: HubRepository, champion: Callable[[str], Path]
) -> None:
    first = champion("first")
    published = push(first, ours)
    before = hub.state(NAME)

    again = push(first, ours)

    assert published == again
    assert before == hub.state(NAME)


def test_a_tag_on_another_commit_is_an_error_before_anything_is_sent(
    hub: Hub, ours: HubRepository, champion: Callable[[str], Path]
) -> None:
    first = push(champion("first"), ours)
    before = hub.state(NAME)

    with pytest.raises(TagTakenError, match=r"'v1' .*Publish under another tag"):
        push(champion("second"), ours, first.commit, "v1")

    assert before == hub.state(NAME)


def test_a_folder_without_a_champion_is_an_error(
    hub: Hub, ours: HubRepository, tmp_path: Path
) -> None:
    with pytest.raises(NoChampionError, match=r"no best_metrics\.json.*Run the training again"):
        push(tmp_path, ours)

    assert [] == hub.requests


def test_a_name_without_an_owner_is_an_error(hub: Hub, champion: Callable[[str], Path]) -> None:
    with pytest.raises(PublishError, match="HF_REPO_ID, a name like owner/name") as raised:
        push(champion("first"), HubRepository("sentiment", hub.token("us"), hub.url))

    assert isinstance(raised.value.__cause__, HubRequestError)
    assert {} == hub.repositories


def test_nothing_is_drawn_where_there_is_no_terminal(
    ours: HubRepository, champion: Callable[[str], Path], capfd: pytest.CaptureFixture[str]
) -> None:
    push(champion("first"), ours)

    assert ("", "") == capfd.readouterr()


@pytest.mark.parametrize(
    ("status", "remedy"),
    [(401, "Set HF_TOKEN to a valid one"), (403, "Set HF_TOKEN to one with write")],
)
def test_a_refusal_of_the_clients_other_protocol_is_told_apart_as_well(
    hub: Hub, champion: Callable[[str], Path], tmp_path: Path, status: int, remedy: str
) -> None:
    hub.faults.fail("GET .*/xet-write-token/", status)
    own = {**hub.environment(tmp_path / "home"), "HF_HUB_DISABLE_XET": "0"}
    arguments = ["-c", BY_XET, str(champion("first")), hub.token("us")]

    with pytest.raises(AssertionError, match=rf"UnfinishedError: '{NAME}'.*{remedy}"):
        run_python(arguments, {**os.environ, **own})

    assert {".gitattributes"} == set(hub.files(NAME))
