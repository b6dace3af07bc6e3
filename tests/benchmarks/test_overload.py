"""The benchmark of overload runs, and says what it measured; how much that is, is no test."""

from pathlib import Path
from typing import Any

import pytest

from tests.benchmark import figures_of, print_of


@pytest.fixture(name="printed", scope="module")
def fixture_printed(repository: Path, output: Path) -> str:
    """Run the quick benchmark; return what it printed."""
    return print_of("overload", repository, output)


@pytest.fixture(name="figures", scope="module")
def fixture_figures(printed: str, output: Path) -> dict[str, Any]:
    """Read what the benchmark wrote."""
    return figures_of("overload", output, printed)


def test_three_times_the_capacity_is_asked(figures: dict[str, Any]) -> None:
    assert figures["asked_per_s"] == pytest.approx(3 * figures["capacity_per_s"][0])
    assert 0 < figures["answered_per_s"] < figures["asked_per_s"]


def test_what_is_too_much_is_refused_with_429_or_503_and_nothing_else(
    figures: dict[str, Any],
) -> None:
    assert figures["failures"]
    assert {"429", "503"} >= set(figures["failures"])


def test_refusals_memory_and_the_generator_are_measured(figures: dict[str, Any]) -> None:
    assert 0 < figures["refusals_ms"]["p50"] <= figures["refusals_ms"]["p99"]
    assert min(figures["memory_mb"]) > 0
    assert figures["generator_cores"] > 0


def test_every_goal_is_told(printed: str) -> None:
    for goal in ("neither answered nor refused", "refusals, p99 ms", "answered / capacity"):
        assert f"\n{goal}" in printed
