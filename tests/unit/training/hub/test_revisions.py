"""A model and a dataset are each loaded from one commit of the Hub, which is recorded."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="the training group is not installed")
pytest.importorskip("datasets", reason="the training group is not installed")

# pylint: disable=wrong-import-position  # only if the training group is installed
from tests.support.base_models import blinded
from tests.support.hub import Hub
from tests.support.server import run_python

MODEL, TWEETS = "us/model", "us/tweets"
LOAD_MODELS = """
import json, sys
from training.finetuning.pretrained import load_pretrained
for revision in sys.argv[2:]:
    found = load_pretrained(sys.argv[1], None, 0, revision=revision or None)
    bias = found.model.classifier.out_proj.bias[0].item()
    print(json.dumps([found.revision, round(bias, 3), len(found.tokenizer)]))
"""
LOAD_TWEETS = """
import json, sys
from training.data.dataset import DatasetError, load
for revision in sys.argv[2:]:
    try:
        found = load(sys.argv[1], None, revision or None)
    except DatasetError as error:
        print(json.dumps(str(error)))
    else:
        test = found.test and found.test.texts
        print(json.dumps([found.revision, found.train.texts, found.evaluation.texts, test]))
"""
NEWEST = ""

Load = Callable[..., Any]


def files(folder: Path) -> dict[str, bytes]:
    """Return all files of a folder."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


@pytest.fixture(name="load")
def fixture_load(hub: Hub, tmp_path: Path) -> Load:
    """Return a function that runs code in a new process, with a cache that is kept."""

    def load(code: str, source: str, *revisions: str, **variables: str) -> list[Any]:
        own = {**os.environ, **hub.environment(tmp_path / "home"), **variables}
        printed = run_python(["-c", code, source, *revisions], own).splitlines()
        return [json.loads(line) for line in printed if line.startswith(("[", '"'))]

    return load


@pytest.fixture(name="commits")
def fixture_commits(hub: Hub, starter: Path, tmp_path: Path) -> tuple[str, str]:
    """Commit a model, then another one with another tokenizer."""
    hub.create(MODEL)
    old = hub.commit(MODEL, files(blinded(starter, tmp_path / "old"))).sha
    new = hub.commit(MODEL, files(starter)).sha
    return old, new


@pytest.mark.slow
def test_a_model_is_loaded_from_one_revision_also_offline(
    hub: Hub, commits: tuple[str, str], load: Load
) -> None:
    old, new = commits
    renamed = {"model.safetensors": b"other weights", "tokenizer.json": b"{}"}
    hub.faults.before(".*/resolve/.*tokenizer", lambda: hub.commit(MODEL, renamed))

    newest = load(LOAD_MODELS, MODEL, NEWEST)  # meanwhile a newer one is committed
    pinned = load(LOAD_MODELS, MODEL, old)
    latest = hub.repositories["models", MODEL].head.sha
    hub.stop()
    again = load(LOAD_MODELS, MODEL, NEWEST, old, HF_HUB_OFFLINE="1")

    assert latest not in commits
    assert (new, old) == (newest[0][0], pinned[0][0])
    assert pinned[0][1] > newest[0][1] + 4  # blinded
    assert newest + pinned == again


@pytest.fixture(name="editions")
def fixture_editions(hub: Hub, data_folder: Callable[..., Path]) -> tuple[str, str]:
    """Commit tweets, then others with a test split."""
    hub.create(TWEETS, "datasets")
    made = []
    for word, splits in (("old", 2), ("new", 3)):
        rows = {"text": [word, f"{word}er"], "label": [0, 2]}
        names = ("train", "validation", "test")[:splits]
        folder = data_folder(**dict.fromkeys(names, rows))
        made.append(hub.commit(TWEETS, files(folder), "datasets").sha)
        folder.rename(folder.with_name(word))
    return made[0], made[1]


def test_a_dataset_is_loaded_from_the_given_revision(
    hub: Hub, editions: tuple[str, str], load: Load
) -> None:
    old, new = editions
    nowhere = old[::-1]

    pinned, missing, newest = load(LOAD_TWEETS, TWEETS, old, nowhere, NEWEST)
    hub.stop()
    *again, other = load(LOAD_TWEETS, TWEETS, NEWEST, new, old, HF_HUB_OFFLINE="1")

    assert [old, ["old", "older"], ["old", "older"], None] == pinned
    assert [new, *[["new", "newer"]] * 3] == newest
    assert "DATASET='us/tweets' cannot be used: " in missing
    assert nowhere in missing
    assert [newest, newest] == again
    assert f"the cached revision is {new}, not DATASET_REVISION={old}" in other


def test_revisions_are_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    from training.settings import TrainingSettings  # pylint: disable=import-outside-toplevel

    monkeypatch.setenv("BASE_MODEL_REVISION", "v1")
    monkeypatch.setenv("DATASET_REVISION", "v2")
    found = TrainingSettings.read()

    assert ("v1", "v2") == (found.source_revision, found.dataset_revision)
    monkeypatch.setenv("HF_REPO_ID", "us/own")
    assert TrainingSettings.read().source_revision is None
