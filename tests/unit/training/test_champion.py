"""Champions are looked for where they may be."""

import json
import shutil
from pathlib import Path

import pytest

pytest.importorskip("nncf", reason="the training group is not installed")

# pylint: disable=wrong-import-position  # only where the training group is installed
from inference.store import SERVING_FILES, register
from tests.hub import Hub
from tests.hub.client import keep_client_to
from training.champion import best_of, in_store, survey
from training.dataset import load
from training.files import Files
from training.hub.repository import HubRepository
from training.hub.view import HubView
from training.sampling import draw

REPO_ID = "somebody/tweets"
NO_HUB = HubView(None, None, "HF_REPO_ID is not set")

pytestmark = pytest.mark.usefixtures("store")


@pytest.fixture(name="model")
def fixture_model(starter: Path, tmp_path: Path) -> Path:
    """Return the folder of a model that was trained."""
    folder = Path(shutil.copytree(starter, tmp_path / "model"))
    metadata = json.loads((folder / "metadata.json").read_text()) | {"origin": "trained"}
    (folder / "metadata.json").write_text(json.dumps(metadata))
    return folder


@pytest.fixture(name="view")
def fixture_view(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Look at a Hub that has the model, with a record of its accuracy."""
    keep_client_to(tmp_path / "huggingface", monkeypatch)
    with Hub() as hub:
        hub.create(REPO_ID)
        record = {"accuracy": 0.7, "timestamp": "2026-11-23", "model_tag": "sentiment:hubs"}
        files = {name: (model / name).read_bytes() for name in SERVING_FILES}
        hub.commit(REPO_ID, files | {"best_metrics.json": json.dumps(record).encode()})
        repository = HubRepository(REPO_ID, hub.token("somebody"), hub.url)
        yield HubView(repository, repository.head(), None)


@pytest.fixture(name="files")
def fixture_files(tmp_path: Path) -> Files:
    """Return where a run writes."""
    return Files(tmp_path / "run")


def test_an_empty_machine_knows_no_champion(files, tmp_path):
    found = survey(files, NO_HUB, tmp_path / "hub")

    assert ((), None) == (found.champions, found.record)


def test_the_starter_is_no_champion(starter, files, tmp_path):
    register(starter)

    assert in_store() is None
    assert not survey(files, NO_HUB, tmp_path / "hub").champions


def test_the_store_and_the_hub_have_one_each(model, view, files, tmp_path):
    other = json.loads((model / "metadata.json").read_text()) | {"seed": 7}
    (model / "metadata.json").write_text(json.dumps(other))
    tag = register(model).tag

    found = survey(files, view, tmp_path / "hub")

    names = [champion.name for champion in found.champions]
    assert [f"{tag} of the Bento store", f"{REPO_ID} on the Hub"] == names
    assert "sentiment:hubs" == found.record.model_tag


def test_the_same_model_in_both_places_is_one_champion(model, view, files, tmp_path):
    register(model)

    assert 1 == len(survey(files, view, tmp_path / "hub").champions)


def test_the_newest_record_counts(view, files, tmp_path):
    files.folder.mkdir()
    files.best.write_text('{"accuracy": 0.6, "timestamp": "2026-11-24", "model_tag": "own"}')

    assert "own" == survey(files, view, tmp_path / "hub").record.model_tag


def test_the_best_of_the_champions_is_found_on_the_rows(view, model, files, sample_data, tmp_path):
    register(model)
    sample = draw(load(str(sample_data)), 10, 20, seed=0)
    standing = survey(files, view, tmp_path / "hub")

    found = best_of(standing, sample)

    assert 50 == len(found.scores.labels)
    assert (
        found.judged(sample).accuracy == sum(found.scores.rows(sample.evaluation_rows).right) / 20
    )


def test_a_champion_with_other_labels_is_left_out_with_a_warning(
    model, files, sample_data, tmp_path, caplog
):
    config = json.loads((model / "config.json").read_text())
    config["id2label"] = {"0": "sad", "1": "calm", "2": "glad"}
    (model / "config.json").write_text(json.dumps(config))
    register(model)
    sample = draw(load(str(sample_data)), 10, 20, seed=0)

    assert best_of(survey(files, NO_HUB, tmp_path / "hub"), sample) is None
    assert "cannot be compared with" in caplog.text
