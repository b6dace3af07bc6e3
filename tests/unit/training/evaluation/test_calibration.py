"""Confidence is compared with how often it is right."""

import pytest

from training.evaluation.calibration import Bin, CalibrationError, calibration


def test_rows_are_gathered_by_their_confidence():
    found = calibration([0.41, 0.49, 0.95], [True, False, True])

    assert found.bins == (
        Bin(0.4, 0.5, confidence=pytest.approx(0.45), accuracy=0.5, rows=2),
        Bin(0.9, 1.0, confidence=0.95, accuracy=1.0, rows=1),
    )


def test_the_error_weighs_each_bin_by_its_rows():
    found = calibration([0.45, 0.45, 0.45, 0.95], [True, False, True, False])

    # three rows that are 0.45 sure and right twice, one that is 0.95 sure and wrong
    assert pytest.approx((3 * abs(2 / 3 - 0.45) + 0.95) / 4) == found.error


def test_confidence_that_is_always_right_has_no_error():
    assert 0 == calibration([1.0, 1.0], [True, True]).error


@pytest.mark.parametrize(("confidence", "lower"), [(0.0, 0.0), (0.3, 0.3), (0.7, 0.7), (1.0, 0.9)])
def test_a_bin_holds_its_lower_bound(confidence, lower):
    (found,) = calibration([confidence], [True]).bins

    assert lower == found.lower


@pytest.mark.parametrize(("confidences", "right"), [([], []), ([0.5], [True, False])])
def test_refuses_what_cannot_be_compared(confidences, right):
    with pytest.raises(CalibrationError, match=f"{len(confidences)} confidences and {len(right)}"):
        calibration(confidences, right)
