"""Predictions are compared with labels, and confidence with accuracy."""

import pytest

pytest.importorskip("sklearn", reason="the training group is not installed")

# pylint: disable=wrong-import-position  # only if the training group is installed
from training.evaluation.metrics import (
    Bin,
    ClassMetrics,
    RowCountError,
    agreement,
    compute_calibration,
    compute_metrics,
)

NAMES = ("negative", "neutral", "positive")


def test_confusion_counts_true_against_predicted_classes():
    found = compute_metrics([0, 0, 1, 2, 2, 2], [0, 1, 1, 2, 0, 2], NAMES)

    assert ((1, 1, 0), (0, 1, 0), (1, 0, 2)) == found.confusion
    assert (6, pytest.approx(4 / 6)) == (found.rows, found.accuracy)


def test_macro_recall_weighs_a_rare_class_like_a_frequent_one():
    found = compute_metrics([0] + [1] * 8 + [2], [0] + [1] * 8 + [1], NAMES)

    assert pytest.approx(2 / 3) == found.macro_recall


def test_each_class_has_precision_recall_and_f1():
    found = compute_metrics([0, 0, 0, 1], [0, 0, 1, 1], ("negative", "positive"))

    assert found.classes == (
        ClassMetrics("negative", precision=1.0, recall=pytest.approx(2 / 3), f1=0.8, rows=3),
        ClassMetrics("positive", precision=0.5, recall=1.0, f1=pytest.approx(2 / 3), rows=1),
    )


def test_a_class_without_rows_or_predictions_has_metrics_of_0():
    found = compute_metrics([0, 0], [0, 0], NAMES)

    assert [1.0, 0.0, 0.0] == [one.f1 for one in found.classes]
    assert pytest.approx(1 / 3) == found.macro_f1


def test_flat_metrics_have_the_class_in_their_names():
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


def test_agreement_is_the_share_of_rows_with_the_same_prediction():
    assert 0.75 == agreement([0, 1, 2, 2], [0, 1, 2, 1])


def test_calibration_groups_rows_by_confidence():
    found = compute_calibration([0.41, 0.49, 0.95], [True, False, True])

    assert found.bins == (
        Bin(0.4, 0.5, confidence=pytest.approx(0.45), accuracy=0.5, rows=2),
        Bin(0.9, 1.0, confidence=0.95, accuracy=1.0, rows=1),
    )


@pytest.mark.parametrize(
    ("confidences", "correct", "error"),
    [
        # three rows with confidence 0.45, two of them correct, one with 0.95 and wrong
        ([0.45, 0.45, 0.45, 0.95], [True, False, True, False], (3 * (2 / 3 - 0.45) + 0.95) / 4),
        ([1.0, 1.0], [True, True], 0),
    ],
)
def test_the_calibration_error_weighs_each_bin_by_its_rows(confidences, correct, error):
    assert pytest.approx(error) == compute_calibration(confidences, correct).error


@pytest.mark.parametrize(("confidence", "lower"), [(0.0, 0.0), (0.3, 0.3), (0.7, 0.7), (1.0, 0.9)])
def test_a_bin_includes_its_lower_bound(confidence, lower):
    (found,) = compute_calibration([confidence], [True]).bins

    assert lower == found.lower


@pytest.mark.parametrize(("first", "second"), [([], []), ([0, 1], [0])])
@pytest.mark.parametrize(
    "compare", [agreement, compute_calibration, lambda *lists: compute_metrics(*lists, NAMES)]
)
def test_lists_without_a_value_for_each_row_are_refused(compare, first, second):
    with pytest.raises(RowCountError, match=f"lists of {len(first)} and {len(second)} rows"):
        compare(first, second)
