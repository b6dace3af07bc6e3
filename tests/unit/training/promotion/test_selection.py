"""The model that a run registers if its candidate is not promoted."""

from pathlib import Path

import pytest

pytest.importorskip("nncf", reason="the training group is not installed")

# pylint: disable=wrong-import-position  # only if the training group is installed
from tests.support.reports import PROVENANCE, evaluated_model
from training.promotion.champion_record import ChampionRecord
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
