"""Training is compared with the baseline round by round and seed by seed."""

import pytest

pytest.importorskip("torch", reason="the training group is not installed")
pytest.importorskip("transformers", reason="the training group is not installed")

# pylint: disable=wrong-import-position  # only if the training group is installed
from benchmarks.hardware import Machine
from benchmarks.training import NO_DATASET, Report
from benchmarks.training_comparison import AccuracyComparison, SpeedComparison

MACHINE = Machine("a processor", 2, None, "3.11", {})


def report(speed: SpeedComparison, accuracy: AccuracyComparison | None) -> Report:
    """Return a report of these comparisons."""
    return Report(MACHINE, "2.0, 2 threads", "fp32", "a model", 1000, 29.1, 10, speed, accuracy)


def test_speed_ratios_are_those_of_the_rounds() -> None:
    speed = SpeedComparison.of([(2.0, 12.0), (1.0, 7.0), (4.0, 20.0)])

    assert (6.0, 5.0, 7.0) == (speed.ratio.median, speed.ratio.lowest, speed.ratio.highest)
    assert (2.0, 12.0) == (speed.baseline.median, speed.ours.median)


def test_accuracy_differences_are_those_of_the_seeds() -> None:
    accuracy = AccuracyComparison.of(2000, 0.5, [(0.70, 0.72), (0.71, 0.70), (0.69, 0.71)])

    assert pytest.approx(0.01) == accuracy.mean_difference
    assert pytest.approx(0.02) == accuracy.difference.median
    assert pytest.approx(-0.01) == accuracy.difference.lowest


def test_speed_and_accuracy_are_targets() -> None:
    accuracy = AccuracyComparison.of(2000, 0.5, [(0.70, 0.685)])

    made = report(SpeedComparison.of([(2.0, 12.0)]), accuracy)

    assert [True, False] == [target.is_met for target in made.targets()]
    assert "MISSED" in made.show()


def test_a_report_without_a_dataset_says_so() -> None:
    made = report(SpeedComparison.of([(2.0, 12.0)]), None)

    assert 1 == len(made.targets())
    assert NO_DATASET in made.show()
