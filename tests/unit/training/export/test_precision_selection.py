"""The fastest precision that keeps accuracy and labels is selected."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("nncf", reason="the training group is not installed")

# pylint: disable=wrong-import-position  # only if the training group is installed
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


@pytest.mark.parametrize(
    ("lost", "changed", "passes"),
    [(0, 0, True), (1, 4, True), (2, 4, False), (1, 5, False), (-3, 4, True)],
)
def test_half_a_point_of_accuracy_and_2_percent_of_labels_may_change(lost, changed, passes):
    report = PrecisionReport("int8", (150 - lost) / 200, 150 / 200, (200 - changed) / 200, 200)

    assert passes is report.passes


def test_precisions_are_compared_on_the_same_rows():
    labels = (0, 1, 2, 2)
    exact = Predictions(labels, np.eye(3)[[0, 1, 2, 1]])
    found = Predictions(labels, np.eye(3)[[0, 1, 2, 2]])

    assert PrecisionReport("int8", 1.0, 0.75, 0.75, 4) == compare_precisions("int8", found, exact)


@pytest.fixture(name="base", scope="module")
def fixture_base(starter: Path, tmp_path_factory: pytest.TempPathFactory):
    """Load a small model."""
    folder = blinded(starter, tmp_path_factory.mktemp("base") / "blinded")
    return load_pretrained(str(folder), None, seed=0)


@pytest.fixture(name="dataset")
def fixture_dataset(sample_data: Path):
    """Load the sample tweets."""
    return load(str(sample_data))


def test_int8_is_selected_if_it_keeps_all_labels(base, dataset, tmp_path):
    selected, predictions, _ = export_best_precision(
        base, tmp_path, dataset.train.texts, dataset.evaluation
    )

    served = Classifier.load(tmp_path)
    assert "int8" == selected.precision
    assert f"of the {len(dataset.evaluation)} texts" in selected.reason
    assert served.labels == ("negative", "neutral", "positive")
    found = served.classify([dataset.evaluation.texts[7]])
    np.testing.assert_array_equal(predictions.probabilities[7:8], found)
    references = selected.references  # what transformers predicts
    deviation = references.max_difference(served.classify(references.texts))
    assert 0 < deviation <= references.bound - SCORE_BOUNDS["int8"] + 1e-6


@pytest.mark.parametrize("lower", [["int8", "bf16"], ["int8"]])
def test_fp32_is_selected_if_lower_precisions_change_labels(
    base, dataset, tmp_path, monkeypatch, lower
):
    monkeypatch.setattr(precision, "MIN_AGREEMENT", 1.01)
    monkeypatch.setattr(precision, "_lower_precisions", lambda: lower)

    selected, *_ = export_best_precision(base, tmp_path, dataset.train.texts, dataset.evaluation)

    graph = (tmp_path / "openvino_model.xml").read_text()
    assert "fp32" == selected.precision
    assert all(name in selected.reason for name in lower)
    assert "int8" not in graph
    assert "bf16" not in graph


def test_fp32_is_selected_if_int8_fails_on_a_text(base, dataset, tmp_path, monkeypatch):
    def failing(classifier: Classifier, texts: tuple[str, ...], name: str) -> np.ndarray:
        if name.endswith("in int8"):
            raise PredictionError(name, row=0)
        return predict_probabilities(classifier, texts, name)

    monkeypatch.setattr("training.evaluation.prediction.predict_probabilities", failing)
    monkeypatch.setattr(precision, "_lower_precisions", lambda: ["int8"])
    selected, *_ = export_best_precision(base, tmp_path, dataset.train.texts, dataset.evaluation)

    assert ("fp32", "int8 fails on some texts") == (selected.precision, selected.reason)


def test_fp32_is_selected_if_the_int8_graph_deviates(base, dataset, tmp_path, monkeypatch):
    monkeypatch.setitem(verification.MAX_DEVIATIONS, "int8", 0.0)
    monkeypatch.setattr(precision, "_lower_precisions", lambda: ["int8"])
    selected, *_ = export_best_precision(base, tmp_path, dataset.train.texts, dataset.evaluation)

    assert "fp32" == selected.precision
    assert selected.reason.startswith("int8 changes a probability by 0.")


def test_a_deviating_fp32_graph_is_refused(base, dataset, tmp_path, monkeypatch):
    def rewritten_wrongly(graph):
        for node in graph.get_ordered_ops():
            if node.get_type_name() == "MVN":
                for target in node.output(0).get_target_inputs():
                    target.replace_source_output(node.input_value(0))

    monkeypatch.setattr("training.export.export.simplify_attention_reshapes", rewritten_wrongly)
    with pytest.raises(ExportMismatchError, match=r"in fp32 differs from .* 0\.001"):
        export_best_precision(base, tmp_path, dataset.train.texts, dataset.evaluation)


def test_int8_is_selected_by_agreement_without_labels(base, dataset, tmp_path):
    texts = dataset.evaluation.texts

    selected = export_by_agreement(base, tmp_path, texts)

    assert "int8" == selected.precision
    assert f"of {len(texts)} unlabelled sample texts" in selected.reason


@pytest.mark.parametrize(("changed", "passes"), [(6, True), (7, False)])
def test_of_150_unlabelled_texts_6_may_change(changed, passes):
    exact = np.eye(3)[[0, 1, 2] * 50]
    found = np.vstack([np.roll(exact[:changed], 1, axis=1), exact[changed:]])

    report = compare_labels("int8", found, exact)

    assert AgreementReport("int8", (150 - changed) / 150, 150) == report
    assert passes is report.passes
