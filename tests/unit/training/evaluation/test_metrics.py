"""Predictions are compared with labels."""

import pytest

from training.evaluation.metrics import ClassMetrics, MetricsError, agreement, compute_metrics

NAMES = ("negative", "neutral", "positive")


def test_counts_each_true_class_against_each_predicted_one():
    labels = [0, 0, 1, 2, 2, 2]
    predictions = [0, 1, 1, 2, 0, 2]

    found = compute_metrics(labels, predictions, NAMES)

    assert ((1, 1, 0), (0, 1, 0), (1, 0, 2)) == found.confusion


def test_accuracy_is_the_share_of_rows_predicted_right():
    found = compute_metrics([0, 1, 2, 2], [0, 1, 2, 0], NAMES)

    assert (4, 0.75) == (found.rows, found.accuracy)


def test_macro_recall_weighs_a_rare_class_like_a_frequent_one():
    labels = [0] + [1] * 8 + [2]
    predictions = [0] + [1] * 8 + [1]

    found = compute_metrics(labels, predictions, NAMES)

    assert pytest.approx(2 / 3) == found.macro_recall


def test_gives_precision_recall_and_f1_of_each_class():
    found = compute_metrics([0, 0, 0, 1], [0, 0, 1, 1], ("negative", "positive"))

    assert found.classes == (
        ClassMetrics("negative", precision=1.0, recall=pytest.approx(2 / 3), f1=0.8, rows=3),
        ClassMetrics("positive", precision=0.5, recall=1.0, f1=pytest.approx(2 / 3), rows=1),
    )


def test_a_class_without_rows_or_predictions_counts_nothing():
    found = compute_metrics([0, 0], [0, 0], NAMES)

    assert [1.0, 0.0, 0.0] == [one.f1 for one in found.classes]
    assert pytest.approx(1 / 3) == found.macro_f1


def test_agrees_with_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")
    labels = [0, 1, 2, 2, 1, 0, 1, 2, 0, 1]
    predictions = [0, 2, 2, 1, 1, 0, 1, 0, 1, 1]

    found = compute_metrics(labels, predictions, NAMES)

    assert pytest.approx(metrics.accuracy_score(labels, predictions)) == found.accuracy
    assert pytest.approx(metrics.balanced_accuracy_score(labels, predictions)) == found.macro_recall
    assert pytest.approx(metrics.f1_score(labels, predictions, average="macro")) == found.macro_f1
    assert metrics.confusion_matrix(labels, predictions).tolist() == [
        list(row) for row in found.confusion
    ]


def test_metrics_have_flat_names():
    found = compute_metrics([0, 1], [0, 0], ("negative", "positive")).flat()

    assert {
        "accuracy": 0.5,
        "macro_recall": 0.5,
        "macro_f1": pytest.approx(1 / 3),
        "precision_negative": 0.5,
        "recall_negative": 1.0,
        "f1_negative": pytest.approx(2 / 3),
        "precision_positive": 0.0,
        "recall_positive": 0.0,
        "f1_positive": 0.0,
    } == found


@pytest.mark.parametrize(("labels", "predictions"), [([], []), ([0, 1], [0])])
def test_refuses_what_cannot_be_compared(labels, predictions):
    with pytest.raises(MetricsError, match=f"{len(labels)} labels and {len(predictions)} pred"):
        compute_metrics(labels, predictions, NAMES)


def test_agreement_is_the_share_of_rows_with_the_same_prediction():
    assert 0.75 == agreement([0, 1, 2, 2], [0, 1, 2, 1])


def test_agreement_refuses_lists_of_different_lengths():
    with pytest.raises(MetricsError):
        agreement([0, 1], [0])
