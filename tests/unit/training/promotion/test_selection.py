"""The model that a run registers."""

from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("nncf", reason="the training group is not installed")

# pylint: disable=wrong-import-position  # only if the training group is installed
from tests.support.reports import PROVENANCE, evaluated_model
from training.promotion.champion_record import ChampionRecord, Promotion
from training.promotion.comparison import EvaluatedModel, ModelComparison
from training.promotion.gate import Decision
from training.promotion.selection import select_model_to_register

RECORD = ChampionRecord(0.7, "2026-11-23", "sentiment:hubs", (), {})
REJECTED = Decision(False, "not better")

pytestmark = pytest.mark.usefixtures("store")


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
