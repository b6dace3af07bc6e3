"""The precision of the served model is chosen by proof."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("nncf", reason="the training group is not installed")

# pylint: disable=wrong-import-position  # only where the training group is installed
from inference.classifier import Classifier
from inference.reference_predictions import SCORE_BOUNDS
from tests.support.base_models import blinded
from training.data.dataset import load
from training.evaluation.prediction import PredictionError, Predictions, predict_probabilities
from training.export import precision_selection as precision
from training.export import verification
from training.export.precision_selection import (
    AgreementReport,
    PrecisionReport,
    compare_labels,
    compare_precisions,
    export_best_precision,
    export_by_agreement,
)
from training.export.verification import ExportMismatchError
from training.finetuning.pretrained import load_pretrained

ROWS = 200


def proof(lost: int, changed: int, rows: int = ROWS) -> PrecisionReport:
    """Return the proof of a model that lost so many right rows, and changed so many labels."""
    return PrecisionReport("int8", (150 - lost) / rows, 150 / rows, (rows - changed) / rows, rows)


@pytest.mark.parametrize(
    ("lost", "changed", "holds"),
    [(0, 0, True), (1, 4, True), (2, 4, False), (1, 5, False), (-3, 4, True)],
)
def test_half_a_point_of_accuracy_and_two_in_a_hundred_labels_may_be_lost(lost, changed, holds):
    assert holds is proof(lost, changed).passes


def test_the_proof_compares_the_same_rows():
    labels = (0, 1, 2, 2)
    exact = Predictions(labels, np.eye(3)[[0, 1, 2, 1]])
    found = Predictions(labels, np.eye(3)[[0, 1, 2, 2]])

    assert PrecisionReport("int8", 1.0, 0.75, 0.75, 4) == compare_precisions("int8", found, exact)


@pytest.fixture(name="base")
def fixture_base(starter: Path, tmp_path: Path):
    """Load a small model."""
    return load_pretrained(str(blinded(starter, tmp_path / "blinded")), None, seed=0)


def test_int8_is_chosen_where_it_keeps_the_labels_of_all_rows(base, sample_data, tmp_path):
    dataset = load(str(sample_data))

    choice, scores, _ = export_best_precision(
        base, tmp_path / "served", dataset.train.texts, dataset.evaluation
    )

    assert "int8" == choice.precision
    assert f"of the {len(dataset.evaluation)} texts" in choice.reason
    served = Classifier.load(tmp_path / "served")
    assert served.labels == ("negative", "neutral", "positive")
    found = served.classify([dataset.evaluation.texts[7]])
    np.testing.assert_array_equal(scores.probabilities[7:8], found)


def test_what_starts_check_is_what_transformers_gives(base, sample_data, tmp_path):
    dataset = load(str(sample_data))

    choice, *_ = export_best_precision(
        base, tmp_path / "served", dataset.train.texts, dataset.evaluation
    )

    found = Classifier.load(tmp_path / "served").classify(choice.references.texts)
    deviation = choice.references.max_difference(found)
    assert 0 < deviation <= choice.references.bound - SCORE_BOUNDS["int8"] + 1e-6


@pytest.mark.parametrize("capable", [True, False])
def test_what_fails_its_proof_is_not_served(base, sample_data, tmp_path, monkeypatch, capable):
    monkeypatch.setattr(precision, "MIN_AGREEMENT", 1.01)
    lower = ["int8", "bf16"] if capable else ["int8"]
    monkeypatch.setattr(precision, "_lower_precisions", lambda: lower)
    dataset = load(str(sample_data))

    choice, *_ = export_best_precision(
        base, tmp_path / "served", dataset.train.texts, dataset.evaluation
    )

    assert "fp32" == choice.precision
    assert all(name in choice.reason for name in lower)
    assert "int8" not in (tmp_path / "served" / "openvino_model.xml").read_text()
    assert "bf16" not in (tmp_path / "served" / "openvino_model.xml").read_text()


def test_a_precision_that_fails_on_a_text_is_not_served(base, sample_data, tmp_path, monkeypatch):
    def failing(classifier: Classifier, texts: tuple[str, ...], name: str) -> np.ndarray:
        if name.endswith("in int8"):
            raise PredictionError(name, row=0)
        return predict_probabilities(classifier, texts, name)

    monkeypatch.setattr("training.evaluation.prediction.predict_probabilities", failing)
    monkeypatch.setattr(precision, "_lower_precisions", lambda: ["int8"])
    dataset = load(str(sample_data))

    choice, *_ = export_best_precision(
        base, tmp_path / "served", dataset.train.texts, dataset.evaluation
    )

    assert ("fp32", "int8 fails on some of the texts") == (choice.precision, choice.reason)


def test_a_precision_whose_graph_computes_something_else_is_not_served(
    base, sample_data, tmp_path, monkeypatch
):
    monkeypatch.setitem(verification.MAX_DEVIATIONS, "int8", 0.0)
    monkeypatch.setattr(precision, "_lower_precisions", lambda: ["int8"])
    dataset = load(str(sample_data))

    choice, *_ = export_best_precision(
        base, tmp_path / "served", dataset.train.texts, dataset.evaluation
    )

    assert "fp32" == choice.precision
    assert choice.reason.startswith("int8 moves a probability by 0.")


def test_a_graph_that_computes_something_else_is_refused_before_anything_is_scored(
    base, sample_data, tmp_path, monkeypatch
):
    def rewritten_wrongly(graph):
        for node in graph.get_ordered_ops():
            if node.get_type_name() == "MVN":
                for target in node.output(0).get_target_inputs():
                    target.replace_source_output(node.input_value(0))

    monkeypatch.setattr("training.export.export.simplify_attention_reshapes", rewritten_wrongly)
    dataset = load(str(sample_data))

    with pytest.raises(ExportMismatchError, match=r"in fp32 gives other answers .* 0\.001"):
        export_best_precision(base, tmp_path / "served", dataset.train.texts, dataset.evaluation)


def test_without_labels_agreement_with_fp32_proves_int8(base, sample_data, tmp_path):
    texts = load(str(sample_data)).evaluation.texts

    choice = export_by_agreement(base, tmp_path / "served", texts)

    assert "int8" == choice.precision
    assert f"of {len(texts)} unlabelled sample texts" in choice.reason


@pytest.mark.parametrize(("changed", "holds"), [(6, True), (7, False)])
def test_of_150_unlabelled_texts_6_may_change_their_label(changed, holds):
    exact = np.eye(3)[[0, 1, 2] * 50]
    found = np.vstack([np.roll(exact[:changed], 1, axis=1), exact[changed:]])

    made = compare_labels("int8", found, exact)

    assert AgreementReport("int8", (150 - changed) / 150, 150) == made
    assert holds is made.passes
