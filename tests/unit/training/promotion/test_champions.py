"""Champions are found in the Bento store and on the Hub."""

import json
import shutil
from pathlib import Path

import pytest

pytest.importorskip("nncf", reason="the training group is not installed")

# pylint: disable=wrong-import-position  # only if the training group is installed
from inference.store import SERVING_FILES, register_model
from tests.support.hub import Hub
from tests.support.hub.client import keep_client_to
from training.data.dataset import load
from training.data.sampling import sample_splits
from training.files import Files, write_json
from training.hub.repository import HubRepository
from training.hub.snapshot import HubSnapshot
from training.promotion.champions import evaluate_champions, find_champions
from training.promotion.registry import current_model

REPO_ID = "somebody/tweets"
NO_HUB = HubSnapshot(None, None, "HF_REPO_ID is not set")

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
    """Return a Hub that has the model, with a record of its accuracy."""
    keep_client_to(tmp_path / "huggingface", monkeypatch)
    with Hub() as hub:
        hub.create(REPO_ID)
        record = {"accuracy": 0.7, "timestamp": "2026-11-23", "model_tag": "sentiment:hubs"}
        files = {name: (model / name).read_bytes() for name in SERVING_FILES}
        hub.commit(REPO_ID, files | {"best_metrics.json": json.dumps(record).encode()})
        repository = HubRepository(REPO_ID, hub.token("somebody"), hub.url)
        yield HubSnapshot(repository, repository.get_commit(), None)


def another(source: Path, folder: Path, is_worse: bool) -> Path:
    """Copy a model; the copy predicts the same labels, or always wrong ones."""
    shutil.copytree(source, folder)
    if is_worse:
        config = json.loads((folder / "config.json").read_text())
        first, *others = config["id2label"].values()
        config["id2label"] = dict(enumerate([*others, first]))
        (folder / "config.json").write_text(json.dumps(config))
    metadata = json.loads((folder / "metadata.json").read_text())
    metadata |= {"origin": "trained", "seed": 7}
    (folder / "metadata.json").write_text(json.dumps(metadata))
    return folder


def write_record(files: Files, tag: str) -> None:
    """Record that the model of a tag was promoted here, later than the Hub's."""
    record = {"accuracy": 0.6, "timestamp": "2026-11-24", "model_tag": tag}
    write_json(files.best, record)


@pytest.fixture(name="files")
def fixture_files(tmp_path: Path) -> Files:
    """Return where a run writes."""
    return Files(tmp_path / "run")


def test_an_empty_machine_has_no_champion(files, tmp_path):
    found = find_champions(files, NO_HUB, tmp_path / "hub")

    assert ((), ()) == (found.champions, found.records)


def test_the_starter_is_no_champion(starter, files, tmp_path):
    register_model(starter)

    assert current_model() is None
    assert not find_champions(files, NO_HUB, tmp_path / "hub").champions


def test_the_store_and_the_hub_have_one_each(model, view, files, tmp_path):
    other = json.loads((model / "metadata.json").read_text()) | {"seed": 7}
    (model / "metadata.json").write_text(json.dumps(other))
    tag = register_model(model).tag

    found = find_champions(files, view, tmp_path / "hub")

    names = [champion.display_name for champion in found.champions]
    assert [f"{REPO_ID} on the Hub", f"{tag} of the Bento store"] == names
    assert ["sentiment:hubs"] == [record.model_tag for record in found.records]


def test_each_champion_has_its_own_record(model, view, files, tmp_path):
    other = json.loads((model / "metadata.json").read_text()) | {"seed": 7}
    (model / "metadata.json").write_text(json.dumps(other))
    write_record(files, str(register_model(model).tag))

    found = find_champions(files, view, tmp_path / "hub").champions

    assert ["sentiment:hubs", str(current_model().tag)] == [
        one.records[0].model_tag for one in found
    ]


def test_the_recorded_champion_counts_beside_a_newer_model(model, files, tmp_path):
    champion = register_model(model).tag
    write_record(files, str(champion))
    newer = register_model(model).tag  # as `make model` does it

    found = find_champions(files, NO_HUB, tmp_path / "hub").champions

    assert [f"{tag} of the Bento store" for tag in (champion, newer)] == [
        one.display_name for one in found
    ]
    assert [True, False] == [bool(one.records) for one in found]


def test_the_same_model_in_both_places_is_one_champion(model, view, files, tmp_path):
    register_model(model)

    (found,) = find_champions(files, view, tmp_path / "hub").champions

    assert ["sentiment:hubs"] == [record.model_tag for record in found.records]


def test_records_are_sorted_newest_first(view, files, tmp_path):
    write_record(files, "own")

    records = find_champions(files, view, tmp_path / "hub").records

    assert ["own", "sentiment:hubs"] == [record.model_tag for record in records]


def test_of_records_of_the_same_second_the_own_one_comes_first(view, files, tmp_path):
    write_json(files.best, {"accuracy": 0.6, "timestamp": "2026-11-23", "model_tag": "own"})

    records = find_champions(files, view, tmp_path / "hub").records

    assert ["own", "sentiment:hubs"] == [record.model_tag for record in records]


def test_a_record_whose_model_is_gone_is_kept_without_a_model(
    model, view, files, sample_data, tmp_path
):
    register_model(model)
    write_record(files, "sentiment:deleted")
    sample = sample_splits(load(str(sample_data)), 10, 20, seed=0)

    champions, lost = evaluate_champions(find_champions(files, view, tmp_path / "hub"), sample)

    assert 1 == len(champions)
    assert ["sentiment:deleted"] == [record.model_tag for record in lost]


@pytest.mark.parametrize("is_worse", [True, False])
def test_champions_are_sorted_best_first(view, starter, sample_data, tmp_path, is_worse):
    tag = register_model(another(starter, tmp_path / "other", is_worse)).tag
    sample = sample_splits(load(str(sample_data)), 10, 20, seed=0)

    (best, second), lost = evaluate_champions(
        find_champions(Files(tmp_path), view, tmp_path / "hub"), sample
    )

    places = [f"{REPO_ID} on the Hub", f"{tag} of the Bento store"]
    assert places == [
        best.display_name,
        second.display_name,
    ]  # the Hub's, too, where both are equally good
    accuracies = [one.accuracy for one in (best, second)]
    assert accuracies[0] > accuracies[1] if is_worse else accuracies[0] == accuracies[1]
    assert 50 == len(second.validation.labels)
    assert not lost


def test_a_champion_with_other_labels_is_skipped_with_a_warning(
    model, files, sample_data, tmp_path, caplog
):
    config = json.loads((model / "config.json").read_text())
    config["id2label"] = {"0": "sad", "1": "calm", "2": "glad"}
    (model / "config.json").write_text(json.dumps(config))
    register_model(model)
    sample = sample_splits(load(str(sample_data)), 10, 20, seed=0)

    assert ((), ()) == evaluate_champions(find_champions(files, NO_HUB, tmp_path / "hub"), sample)
    assert "Not compared with" in caplog.text


@pytest.mark.parametrize("name", ["openvino_model.bin", "openvino_model.xml", "tokenizer.json"])
def test_a_damaged_champion_is_skipped_with_a_warning(model, sample_data, tmp_path, caplog, name):
    whole = (model / name).read_bytes()
    (model / name).write_bytes(whole[: len(whole) // 2])
    register_model(model)
    sample = sample_splits(load(str(sample_data)), 10, 20, seed=0)

    assert ((), ()) == evaluate_champions(
        find_champions(Files(tmp_path), NO_HUB, tmp_path / "hub"), sample
    )
    assert "Not compared with" in caplog.text
