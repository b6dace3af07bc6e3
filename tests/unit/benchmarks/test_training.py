"""The figures of training are compared round by round and seed by seed."""

import pytest

pytest.importorskip("torch", reason="the training group is not installed")
pytest.importorskip("transformers", reason="the training group is not installed")

# pylint: disable=wrong-import-position  # only where the training group is installed
from benchmarks.accuracy import Accuracies
from benchmarks.epochs import Epochs
from benchmarks.hardware import Machine
from benchmarks.training import NO_DATASET, Report

MACHINE = Machine("a processor", 2, "3.11", "1", "1")


def report(epochs: Epochs, accuracies: Accuracies | None) -> Report:
    """Make a report of these figures."""
    return Report(MACHINE, "2.0, 2 threads", "fp32", "a model", 1000, 29.1, 10, epochs, accuracies)


def test_ratios_are_those_of_the_rounds() -> None:
    epochs = Epochs.of([(2.0, 12.0), (1.0, 7.0), (4.0, 20.0)])

    assert (6.0, 5.0, 7.0) == (epochs.ratio.median, epochs.ratio.lowest, epochs.ratio.highest)
    assert 2.0 == epochs.plain_tweets_per_s.median
    assert 12.0 == epochs.our_tweets_per_s.median


def test_differences_are_those_of_the_seeds() -> None:
    accuracies = Accuracies.of(2000, 0.5, [(0.70, 0.72), (0.71, 0.70), (0.69, 0.71)])

    assert pytest.approx(0.01) == accuracies.mean_difference
    assert pytest.approx(0.02) == accuracies.difference.median
    assert pytest.approx(-0.01) == accuracies.difference.lowest


def test_speed_and_accuracy_are_goals() -> None:
    made = report(Epochs.of([(2.0, 12.0)]), Accuracies.of(2000, 0.5, [(0.70, 0.685)]))

    assert [True, False] == [goal.is_met for goal in made.goals()]
    assert "MISSED" in made.show()


def test_a_missing_data_set_is_told() -> None:
    made = report(Epochs.of([(2.0, 12.0)]), None)

    assert 1 == len(made.goals())
    assert NO_DATASET in made.show()
