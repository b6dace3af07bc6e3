"""A champion is published completely, and files that other people changed are kept."""

import hashlib
import shutil

import pytest

pytest.importorskip("huggingface_hub", reason="the training group is not installed")

# pylint: disable=wrong-import-position  # only if the training group is installed
from huggingface_hub import ModelCard

from tests.support.hub.client import UPLOAD_DEPRECATION
from tests.support.hub.publishing import CARD, NAME, content, on_hub, push
from training.hub.manifest import MANIFEST
from training.hub.push import NoChampionError, PublishedCommit

pytestmark = pytest.mark.filterwarnings(UPLOAD_DEPRECATION)

EDITED = """---
language: fr
license: mit
tags:
- mine
---
# Tweets

Ask me about them.
"""


def test_a_model_is_published_byte_for_byte_in_one_commit(hub, ours, starter, tmp_path, capfd):
    folder = tmp_path / "model"
    shutil.copytree(starter, folder)
    (folder / "best_metrics.json").write_text("{}", encoding="utf-8")
    (folder / "README.md").write_bytes(CARD)

    published = push(folder, ours)

    assert ("", "") == capfd.readouterr()  # no progress bars without a terminal
    ours.download("v1", tmp_path / "back")
    back = content(tmp_path / "back")
    del back[".gitattributes"], back[MANIFEST]
    weights = (folder / "model.safetensors").read_bytes()
    assert content(folder) == back
    assert weights == hub.blobs[hashlib.sha256(weights).hexdigest()]
    assert 2 == len(hub.repositories["models", NAME].commits)  # the Hub's own, and ours
    assert PublishedCommit(hub.state(NAME).head, "v1", f"{hub.url}/{NAME}/tree/v1") == published
    assert {"v1": published.commit} == hub.state(NAME).tags


def test_a_new_champion_replaces_all_files_of_the_old_one(hub, ours, champion):
    old, new = champion("old"), champion("new")
    (old / "openvino_model.bin").write_bytes(b"stale")
    first = push(old, ours)

    second = push(new, ours, first.commit, "v2")

    assert content(new) == on_hub(hub)
    assert content(old) == on_hub(hub, "v1")
    assert {"v1": first.commit, "v2": second.commit} == hub.state(NAME).tags
    assert ".gitattributes" in hub.files(NAME)


def test_files_that_no_publication_wrote_are_kept(hub, ours, champion):
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


def test_nothing_of_a_publication_without_a_manifest_is_deleted(hub, ours, champion, caplog):
    hub.create(NAME)
    old = {"vocab.txt": b"theirs or ours", "best_metrics.json": b"{}", "config.json": b"{ }"}
    head = hub.commit(NAME, old).sha
    first, second = champion("first"), champion("second")
    (first / "promotions.png").write_bytes(b"plot")

    push(first, ours, head)

    assert content(first) | {"vocab.txt": b"theirs or ours"} == on_hub(hub)
    assert "vocab.txt of us/sentiment may be obsolete files" in caplog.text
    push(second, ours, hub.state(NAME).head, "v2")  # now there is a manifest
    assert content(second) | {"vocab.txt": b"theirs or ours"} == on_hub(hub)


@pytest.mark.parametrize("manifest", [b"no JSON", b"[]", b'{"files": {"a": 1}}', b'{"files": 1}'])
def test_a_broken_manifest_counts_as_none(hub, ours, champion, manifest):
    old = champion("old")
    (old / "vocab.txt").write_bytes(b"stale")
    push(old, ours)
    head = hub.commit(NAME, {MANIFEST: manifest}).sha

    push(champion("new"), ours, head, "v2")

    assert b"stale" == hub.files(NAME)["vocab.txt"]


def test_the_first_champion_keeps_the_text_of_the_card(hub, ours, champion, caplog):
    hub.create(NAME)
    hub.commit(NAME, {"README.md": b"to come", "config.json": b"theirs"})
    first = champion("first")

    push(first, ours)

    assert content(first) | {"README.before-v1.md": b"to come"} == on_hub(hub)
    assert "README.before-v1.md keeps its text" in caplog.text
    assert "config.json of us/sentiment is replaced, though no publication wrote" in caplog.text


@pytest.mark.parametrize("when", ["before the comparison", "after it"])
def test_an_edited_card_is_replaced_and_its_edits_are_kept(  # pylint: disable=too-many-arguments,too-many-positional-arguments
    hub, ours, champion, caplog, when
):
    compared = push(champion("first"), ours).commit
    edited = hub.commit(NAME, {"README.md": EDITED.encode()}).sha
    if when == "before the comparison":
        compared = edited
    second = champion("second")
    (second / "README.md").write_text("---\nlanguage: en\ntags:\n- tweets\n---\n# New\n")

    push(second, ours, compared, "v2")

    files = on_hub(hub)
    card = ModelCard(files.pop("README.md").decode())
    expected = {"language": "en", "license": "mit", "tags": ["tweets", "mine"]}
    assert (expected, "# New\n") == (card.data.to_dict(), card.text)
    assert EDITED.encode() == files.pop("README.before-v2.md")
    assert {name: data for name, data in content(second).items() if name != "README.md"} == files
    assert "README.before-v2.md keeps its text" in caplog.text
    third = push(champion("third"), ours, hub.state(NAME).head, "v3")  # the card is unedited
    assert third.commit == hub.state(NAME).head
    assert "README.before-v3.md" not in on_hub(hub)


def test_a_card_with_only_a_license_needs_no_copy(hub, ours, champion):
    hub.create(NAME)
    hub.commit(NAME, {"README.md": b"---\nlicense: mit\n---\n"})  # as the Hub's page does
    first = champion("first")
    (first / "README.md").write_bytes(b"# Tweets\n")

    push(first, ours)

    assert {*content(first)} == {*on_hub(hub)}
    card = ModelCard(on_hub(hub)["README.md"].decode())
    assert ("mit", "# Tweets") == (card.data.license, card.text.strip())


def test_a_folder_without_a_champion_is_refused(hub, ours, tmp_path):
    with pytest.raises(NoChampionError, match=r"best_metrics\.json is missing.*Run the training"):
        push(tmp_path, ours)

    assert [] == hub.requests
