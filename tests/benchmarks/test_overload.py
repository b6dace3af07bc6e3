"""The benchmark of overload runs, and says what it measured; how much that is, is no test."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.benchmark import figures_of, print_of


@pytest.fixture(name="printed", scope="module")
def fixture_printed(repository: Path, output: Path) -> str:
    """Run the quick benchmark; return what it printed."""
    return print_of("overload", repository, output)


@pytest.fixture(name="figures", scope="module")
def fixture_figures(printed: str, output: Path) -> dict[str, Any]:
    """Read what the benchmark wrote."""
    return figures_of("overload", output, printed)


def test_three_times_the_capacity_is_asked(figures: dict[str, Any]) -> None:
    assert figures["flooded"]["asked_per_s"] == pytest.approx(
        3 * figures["before"]["capacity_per_s"]
    )
    assert 0 < figures["flooded"]["answered_per_s"] < figures["flooded"]["asked_per_s"]


def test_what_is_too_much_is_refused_with_429_or_503_and_nothing_else(
    figures: dict[str, Any],
) -> None:
    assert figures["flooded"]["failures"]
    assert {"429", "503"} >= set(figures["flooded"]["failures"])


def test_refusals_memory_and_the_generator_are_measured(figures: dict[str, Any]) -> None:
    flooded = figures["flooded"]

    assert 0 < flooded["refusals_ms"]["p50"] <= flooded["refusals_ms"]["p99"]
    assert 0 < flooded["generator_cores"]
    assert 0 < min(figures["before"]["peak_mb"], figures["after"]["peak_mb"])


def test_every_goal_is_told(printed: str) -> None:
    for goal in ("neither answered nor refused", "slowest refusal, ms", "answered / capacity"):
        assert f"\n{goal}" in printed
