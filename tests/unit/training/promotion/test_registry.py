"""A better model replaces the champion, even if the run is interrupted."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import bentoml
import pytest

pytest.importorskip("nncf", reason="the training group is not installed")

# pylint: disable=wrong-import-position  # only if the training group is installed
from inference.store import MODEL_NAME, find_model, new_tag, register_model
from tests.support.reports import PROVENANCE, evaluated_model
from training.files import Files, write_json
from training.promotion.champion_record import ChampionRecord, Promotion
from training.promotion.comparison import EvaluatedModel, ModelComparison
from training.promotion.gate import Decision
from training.promotion.registry import (
    promote,
    recover_interrupted_promotion,
    select_model_to_register,
)

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


RECORD = ChampionRecord(0.7, "2026-11-23", "sentiment:hubs", (), {})
REJECTED = Decision(False, "not better")


def record(accuracy: float) -> ChampionRecord:
    """Return the record of a new model."""
    return ChampionRecord(accuracy, "2026-11-23T12:00:00+00:00", str(new_tag()), (), {})


def test_a_promoted_model_is_in_the_store_and_in_the_record(files, model):
    best = record(0.7)

    promote(model, best, files)

    assert best.model_tag == str(find_model(bentoml.Tag(MODEL_NAME, None)).tag)
    assert best == ChampionRecord.read(files.best)
    assert not files.pending_promotion.exists()


def test_a_promotion_that_was_interrupted_before_the_store_is_cancelled(files, model):
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


def test_without_an_interruption_nothing_changes(files, model):
    old = record(0.6)
    promote(model, old, files)

    recover_interrupted_promotion(files)

    assert old == ChampionRecord.read(files.best)


def comparison(*records: ChampionRecord) -> ModelComparison:
    """Return a comparison with a champion of the Hub that is always correct."""
    worse = evaluated_model("the candidate", 1, 1, 2, 2, 2, 0, 0, 0)
    best = evaluated_model("the Hub's", 0, 0, 1, 1, 1, 2, 2, 2)
    champion = EvaluatedModel(
        "the Hub's", Path("hub"), best.validation, best.evaluation_indices, records=records
    )
    return ModelComparison(worse, worse, (champion,))


def test_an_empty_store_gets_the_hubs_champion_with_its_record():
    model, record = select_model_to_register(comparison(RECORD), REJECTED, PROVENANCE, ())

    assert (Path("hub"), RECORD) == (model.folder, record)


def test_a_champion_without_a_record_gets_one_with_its_metrics():
    model, record = select_model_to_register(comparison(), REJECTED, PROVENANCE, RECORD.history)

    assert (Path("hub"), 1.0) == (model.folder, record.accuracy)
    assert record.model_tag.startswith("sentiment:")
    assert [("fetched", record.model_tag)] == [
        (one.origin, one.model_tag) for one in record.history
    ]


def test_a_promoted_candidate_continues_the_history(tmp_path):
    earlier = Promotion("2026-11-22", "sentiment:lost", 0.01, "trained")
    models = comparison()
    candidate = replace(models.candidate, folder=tmp_path)

    _, record = select_model_to_register(
        replace(models, candidate=candidate), Decision(True, "better"), PROVENANCE, (earlier,)
    )

    assert earlier == record.history[0]
    assert [record.model_tag] == [one.model_tag for one in record.history[1:]]


def test_nothing_is_registered_while_the_champions_model_is_gone():
    models = replace(comparison(), champions=(), records_without_model=(RECORD,))

    assert select_model_to_register(models, REJECTED, PROVENANCE, ()) is None
