"""The precision of the served model is chosen by proof."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("nncf", reason="the training group is not installed")

# pylint: disable=wrong-import-position  # only where the training group is installed
from inference.classifier import Classifier
from tests.base_models import blinded
from training import precision
from training.base_model import load_base
from training.dataset import Tweets, load
from training.precision import Choice, Proof, export_proven, prove
from training.scoring import Scores, ScoringError, score

ROWS = 200


def proof(lost: int, changed: int, rows: int = ROWS) -> Proof:
    """Return the proof of a model that lost so many right rows, and changed so many labels."""
    return Proof("int8", (150 - lost) / rows, 150 / rows, (rows - changed) / rows, rows)


@pytest.mark.parametrize(
    ("lost", "changed", "holds"),
    [(0, 0, True), (1, 4, True), (2, 4, False), (1, 5, False), (-3, 4, True)],
)
def test_half_a_point_of_accuracy_and_two_in_a_hundred_labels_may_be_lost(lost, changed, holds):
    assert holds is proof(lost, changed).holds


def test_the_proof_compares_the_same_rows():
    labels = (0, 1, 2, 2)
    exact = Scores(labels, np.eye(3)[[0, 1, 2, 1]])
    found = Scores(labels, np.eye(3)[[0, 1, 2, 2]])

    assert Proof("int8", 1.0, 0.75, 0.75, 4) == prove("int8", found, exact)


@pytest.fixture(name="base")
def fixture_base(starter: Path, tmp_path: Path):
    """Load a small model."""
    return load_base(str(blinded(starter, tmp_path / "blinded")), None, seed=0)


def test_int8_is_chosen_where_it_keeps_the_labels(base, sample_data, tmp_path):
    dataset = load(str(sample_data))

    choice = export_proven(base, tmp_path / "served", dataset.train, dataset.evaluation)

    assert "int8" == choice.precision
    assert "gives the same label to" in choice.reason
    assert Classifier.load(tmp_path / "served").labels == ("negative", "neutral", "positive")


@pytest.mark.parametrize("capable", [True, False])
def test_what_fails_its_proof_is_not_served(base, sample_data, tmp_path, monkeypatch, capable):
    monkeypatch.setattr(precision, "MIN_AGREEMENT", 1.01)
    lower = ["int8", "bf16"] if capable else ["int8"]
    monkeypatch.setattr(precision, "_lower_precisions", lambda: lower)
    dataset = load(str(sample_data))

    choice = export_proven(base, tmp_path / "served", dataset.train, dataset.evaluation)

    assert "fp32" == choice.precision
    assert all(name in choice.reason for name in lower)
    assert "int8" not in (tmp_path / "served" / "openvino_model.xml").read_text()
    assert "bf16" not in (tmp_path / "served" / "openvino_model.xml").read_text()


def test_a_precision_that_fails_on_a_text_is_not_served(base, sample_data, tmp_path, monkeypatch):
    def failing(folder: Path, tweets: Tweets, name: str) -> Scores:
        if name.endswith("in int8"):
            raise ScoringError(name, row=0)
        return score(folder, tweets, name)

    monkeypatch.setattr(precision, "score", failing)
    monkeypatch.setattr(precision, "_lower_precisions", lambda: ["int8"])
    dataset = load(str(sample_data))

    choice = export_proven(base, tmp_path / "served", dataset.train, dataset.evaluation)

    assert Choice("fp32", "int8 fails on some of the texts") == choice
