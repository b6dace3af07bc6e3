"""Rounds are compared pair by pair."""

import pytest

from benchmarks.comparison import Comparison, Cores, Measurement


def measurement(is_recording: bool, requests_per_s: float, p99_ms: float) -> Measurement:
    """Return a measurement without failures."""
    cores = Cores(service=1.5, generator=0.1, idle=0, others=0.4)
    return Measurement(is_recording, requests_per_s, p99_ms / 2, p99_ms, 100, (), cores)


@pytest.fixture(name="comparison")
def fixture_comparison() -> Comparison:
    """Compare three rounds, during which the machine became slower and slower."""
    measurements = [
        measurement(True, 90, 110),
        measurement(False, 100, 100),
        measurement(False, 50, 200),
        measurement(True, 49, 220),
        measurement(True, 24, 400),
        measurement(False, 25, 400),
    ]
    return Comparison.of(measurements, {True: [110, 220, 400], False: [100, 200, 320]})


def test_ratios_are_those_within_a_round_whichever_came_first(comparison: Comparison) -> None:
    assert "0.960 (0.900 .. 0.980)" == comparison.throughput.show(3)
    assert "1.100 (1.000 .. 1.100)" == comparison.p99.show(3)


def test_overall_ratios_are_taken_over_the_answers_of_all_rounds(comparison: Comparison) -> None:
    assert (90 + 49 + 24) / (100 + 50 + 25) == comparison.overall_throughput
    assert 1.25 == comparison.overall_p99


def test_the_table_has_a_row_without_recording_and_one_with(comparison: Comparison) -> None:
    _, off, on, *_ = comparison.show().splitlines()

    assert ["off", "50.0", "(25.0", "..", "100.0)"] == off.split()[:5]
    assert ["on", "49.0", "(24.0", "..", "90.0)"] == on.split()[:5]
