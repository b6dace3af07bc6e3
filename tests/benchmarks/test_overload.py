"""The benchmark of overload runs and reports its results; speed is not tested."""

from pathlib import Path

import pytest

from tests.benchmarks.command import QuickRun, quick_run

pytestmark = pytest.mark.slow


@pytest.fixture(name="quick", scope="module")
def fixture_quick(output: Path) -> QuickRun:
    """Run it once."""
    return quick_run("overload", output)


def test_three_times_the_capacity_is_sent(quick: QuickRun) -> None:
    overload, capacity = quick.results["overload"], quick.results["before"]["capacity_per_s"]

    assert overload["sent_per_s"] == pytest.approx(3 * capacity)
    assert 0 < overload["answered_per_s"] < overload["sent_per_s"]


def test_excess_requests_are_refused_with_429_or_503_and_nothing_else(quick: QuickRun) -> None:
    assert quick.results["overload"]["failures"]
    assert {"429", "503"} >= set(quick.results["overload"]["failures"])


def test_refusals_memory_and_the_generator_are_measured(quick: QuickRun) -> None:
    overload = quick.results["overload"]

    assert 0 < overload["refusals_ms"]["p50"] <= overload["refusals_ms"]["p99"]
    assert 0 < overload["generator_cores"]
    assert 0 < min(quick.results[when]["peak_mb"] for when in ("before", "after"))


def test_every_target_is_printed(quick: QuickRun) -> None:
    for target in ("neither answered nor refused", "slowest refusal, ms", "answered / capacity"):
        assert f"\n{target}" in quick.printed
