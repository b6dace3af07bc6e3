"""The benchmark of training runs and reports its results; speed is not tested."""

from pathlib import Path

import pytest

from tests.benchmarks.command import QuickRun, quick_run, run

pytestmark = pytest.mark.slow

pytest.importorskip("torch", reason="the training group is not installed")


@pytest.fixture(name="quick", scope="module")
def fixture_quick(output: Path, dataset: Path) -> QuickRun:
    """Run it once."""
    return quick_run("training", output, DATASET=str(dataset))


def test_both_trainings_are_measured_in_every_round(quick: QuickRun) -> None:
    assert 20 < quick.results["tokens"] < 60
    assert 4 == quick.printed.count("\nround ") + quick.printed.startswith("round ")
    for spread in quick.results["speed"].values():
        assert 0 < spread["lowest"] <= spread["median"] <= spread["highest"]


def test_accuracies_are_those_of_trained_models(quick: QuickRun) -> None:
    accuracy = quick.results["accuracy"]

    assert 50 == accuracy["rows"]
    assert 0.5 < accuracy["untrained"] < 1
    assert 0.5 < accuracy["baseline"]["lowest"]
    assert 0.5 < accuracy["ours"]["lowest"]


def test_ratios_and_targets_are_printed(quick: QuickRun) -> None:
    assert "\nstarter on " in quick.printed
    for line in ("\nours / baseline ", "\nours - baseline ", "\ntweets/s, ours / baseline "):
        assert line in quick.printed


@pytest.mark.parametrize(
    ("variable", "message"),
    [
        ("DATASET", "DATASET='/dev/null' cannot be used"),
        ("MODEL", "no model could be loaded from '/dev/null'"),
        ("TEXTS", "/dev/null has no texts: it is empty"),
    ],
)
def test_a_bad_setting_stops_the_run_with_its_name(
    tmp_path: Path, variable: str, message: str
) -> None:
    done = run("training", "--quick", "--output", str(tmp_path), **{variable: "/dev/null"})

    assert 1 == done.returncode
    assert message in done.stdout
    assert "Traceback" not in done.stdout
