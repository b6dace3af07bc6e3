"""Predictions have metrics, which are written as JSON."""

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="the training group is not installed")

# pylint: disable=wrong-import-position  # only if the training group is installed
from training.evaluation.prediction import Predictions

PREDICTIONS = Predictions(
    labels=(0, 1, 2),
    probabilities=np.array([[0.75, 0.15, 0.1], [0.1, 0.85, 0.05], [0.1, 0.55, 0.35]]),
)


def test_the_metrics_are_written_rounded():
    found = PREDICTIONS.metrics_dict()

    assert 0.666667 == found["accuracy"]
    assert 0.666667 == found["macro_recall"]
    assert [[1, 0, 0], [0, 1, 0], [0, 1, 0]] == found["confusion_matrix"]["counts"]
    assert {"precision": 0.5, "recall": 1.0, "f1": 0.666667, "rows": 1} == (
        found["classes"]["neutral"]
    )
    # 0.25 and 0.15 short where right, 0.55 too much where wrong
    assert pytest.approx((0.25 + 0.15 + 0.55) / 3, abs=1e-6) == found["expected_calibration_error"]
    assert [1, 1, 1] == [one["rows"] for one in found["reliability"]]


def test_flat_metrics_are_plain_numbers():
    found = PREDICTIONS.flat_metrics()

    assert {"accuracy", "macro_recall", "macro_f1", "expected_calibration_error"} <= set(found)
    assert {float} == {type(value) for value in found.values()}
