"""Who is served after a contest that the candidate has lost."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("nncf", reason="the training group is not installed")

# pylint: disable=wrong-import-position  # only where the training group is installed
from tests.support.reports import PROVENANCE
from training.data.dataset import load
from training.data.sampling import sample_splits
from training.evaluation.prediction import Predictions
from training.export.precision_selection import SelectedPrecision
from training.promotion.champion_record import ChampionRecord
from training.promotion.comparison import Contest, Exported, Titleholder
from training.promotion.gate import Decision
from training.promotion.succession import name_successor

RECORD = ChampionRecord(0.7, "2026-11-23", "sentiment:hubs", (), {})
LOST = Decision(False, "not better")

pytestmark = pytest.mark.usefixtures("store")


@pytest.fixture(name="sample")
def fixture_sample(sample_data):
    """Draw rows of the repository's own tweets."""
    return sample_splits(load(str(sample_data)), 10, 20, seed=0)


def contest(sample, records: tuple[ChampionRecord, ...]) -> Contest:
    """Return a contest that a champion of the Hub, always right, has won."""
    labels = sample.validation.labels
    right, wrong = (Predictions(labels, np.eye(3)[np.add(labels, shift) % 3]) for shift in (0, 1))
    loser = Exported(
        "the candidate", Path("candidate"), wrong, SelectedPrecision("fp32", "none was proven")
    )
    winner = Titleholder("the Hub's", Path("hub"), right, records)
    return Contest(loser, loser, (winner,), lost=())


def test_an_empty_store_gets_the_hubs_champion_with_its_own_record(sample):
    found = name_successor(contest(sample, (RECORD,)), LOST, sample, PROVENANCE, history=())

    assert ("fetched", Path("hub"), RECORD) == (found.kind, found.folder, found.best)


def test_a_champion_without_a_record_gets_one_of_what_was_judged(sample):
    found = name_successor(contest(sample, ()), LOST, sample, PROVENANCE, RECORD.history)

    assert ("fetched", 1.0) == (found.kind, found.best.accuracy)
    assert found.best.model_tag.startswith("sentiment:")
    assert [found.best.model_tag] == [one.model_tag for one in found.best.history]
