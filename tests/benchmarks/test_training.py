"""The benchmark of training runs, and says what it measured; how much that is, is no test."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.benchmark import figures_of, print_of, run

pytest.importorskip("torch", reason="the training group is not installed")


@pytest.fixture(name="printed", scope="module")
def fixture_printed(repository: Path, output: Path) -> str:
    """Run the quick benchmark on a data set made of our samples; return what it printed."""
    from tests.support.tweet_data import write_sample  # pylint: disable=import-outside-toplevel

    folder = write_sample(output / "tweets")
    return print_of("training", repository, output, DATASET=str(folder))


@pytest.fixture(name="figures", scope="module")
def fixture_figures(printed: str, output: Path) -> dict[str, Any]:
    """Read what the benchmark wrote."""
    return figures_of("training", output, printed)


def test_both_ways_are_measured_in_every_round(figures: dict[str, Any], printed: str) -> None:
    assert 20 < figures["tokens"] < 60
    assert 4 == printed.count("\nround ") + printed.startswith("round ")
    for spread in figures["epochs"].values():
        assert 0 < spread["lowest"] <= spread["median"] <= spread["highest"]


def test_accuracies_are_those_of_trained_models(figures: dict[str, Any]) -> None:
    accuracies = figures["accuracies"]

    assert 50 == accuracies["rows"]
    assert 0.5 < accuracies["untrained"] < 1
    assert 0.5 < accuracies["plain"]["lowest"]
    assert 0.5 < accuracies["ours"]["lowest"]


def test_ratios_and_goals_are_printed(printed: str) -> None:
    assert "\nstarter on " in printed
    for line in ("\nours / plain ", "\nours - plain ", "\ntweets/s, ours / plain "):
        assert line in printed


@pytest.mark.parametrize(
    ("variable", "message"),
    [
        ("DATASET", "DATASET='/dev/null' cannot be used"),
        ("MODEL", "no model could be loaded from '/dev/null'"),
        ("TEXTS", "/dev/null gives no texts: it is empty"),
    ],
)
def test_a_bad_setting_stops_the_run_with_its_name(
    repository: Path, tmp_path: Path, variable: str, message: str
) -> None:
    arguments = ["training", "--quick", "--output", str(tmp_path)]

    done = run(arguments, repository, **{variable: "/dev/null"})

    assert 1 == done.returncode
    assert message in done.stdout
    assert "Traceback" not in done.stdout
