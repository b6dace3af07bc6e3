"""A better model takes the champion's place, whatever happens meanwhile."""

import json
import shutil
from pathlib import Path

import bentoml
import pytest

pytest.importorskip("nncf", reason="the training group is not installed")

# pylint: disable=wrong-import-position  # only where the training group is installed
from inference.store import MODEL_NAME, find_model, new_tag, register_model
from training.files import Files, write_json
from training.promotion.champion_record import ChampionRecord
from training.promotion.registry import promote, recover_interrupted_promotion

pytestmark = pytest.mark.usefixtures("store")


@pytest.fixture(name="files")
def fixture_files(tmp_path: Path) -> Files:
    """Return where a run writes."""
    return Files(tmp_path / "run")


@pytest.fixture(name="model")
def fixture_model(starter: Path, tmp_path: Path) -> Path:
    """Return the folder of a model that is not the starter."""
    folder = Path(shutil.copytree(starter, tmp_path / "model"))
    metadata = json.loads((folder / "metadata.json").read_text()) | {"origin": "trained"}
    (folder / "metadata.json").write_text(json.dumps(metadata))
    return folder


def record(accuracy: float) -> ChampionRecord:
    """Return the record of a new model."""
    return ChampionRecord(accuracy, "2026-11-23T12:00:00+00:00", str(new_tag()), (), {})


def test_a_promoted_model_is_in_the_store_and_in_the_record(files, model):
    best = record(0.7)

    promote(model, best, files)

    assert best.model_tag == str(find_model(bentoml.Tag(MODEL_NAME, None)).tag)
    assert best == ChampionRecord.read(files.best)
    assert not files.pending_promotion.exists()


def test_a_promotion_that_was_interrupted_before_the_store_is_forgotten(files, model):
    old = record(0.6)
    promote(model, old, files)
    write_json(files.pending_promotion, record(0.7).to_dict())

    recover_interrupted_promotion(files)

    assert old == ChampionRecord.read(files.best)
    assert not files.pending_promotion.exists()


def test_a_promotion_that_was_interrupted_after_the_store_is_completed(files, model, monkeypatch):
    promote(model, record(0.6), files)
    new = record(0.7)
    write_json(files.pending_promotion, new.to_dict())
    with monkeypatch.context() as killed:  # before BentoML's own latest was written
        killed.setattr("inference.store.set_latest", lambda _: None)
        register_model(model, bentoml.Tag.from_taglike(new.model_tag))

    recover_interrupted_promotion(files)

    assert new == ChampionRecord.read(files.best)
    assert new.model_tag == str(bentoml.models.get(f"{MODEL_NAME}:latest").tag)
    assert not files.pending_promotion.exists()


def test_without_an_interruption_there_is_nothing_to_finish(files, model):
    old = record(0.6)
    promote(model, old, files)

    recover_interrupted_promotion(files)

    assert old == ChampionRecord.read(files.best)
