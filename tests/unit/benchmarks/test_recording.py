"""The service with recording is compared with the one without, round by round."""

from dataclasses import replace

import pytest

from benchmarks.loadgen import LoadResult
from benchmarks.recording import OFF, ON, Comparison, RecordingError, check_answers


def result(requests_per_s: int, latency_ms: float) -> LoadResult:
    """Return a second of load whose answers all took as long."""
    latencies_ms = (latency_ms,) * requests_per_s
    return LoadResult(1.0, latencies_ms, requests_per_s, (), (), 0.1)


@pytest.fixture(name="comparison")
def fixture_comparison() -> Comparison:
    """Compare three rounds on a machine that becomes slower."""
    on = [result(90, 110), result(49, 220), result(24, 400)]
    off = [result(100, 100), result(50, 200), result(25, 320)]
    return Comparison.of(on, off)


def test_ratios_are_those_within_a_round(comparison: Comparison) -> None:
    assert "0.960 (0.900 .. 0.980)" == comparison.ratios.requests_per_s.show(3)
    assert "1.100 (1.100 .. 1.250)" == comparison.ratios.p99_ms.show(3)


def test_overall_ratios_are_over_the_answers_of_all_rounds(comparison: Comparison) -> None:
    assert (90 + 49 + 24) / (100 + 50 + 25) == comparison.overall_throughput
    assert 1.25 == comparison.overall_p99


def test_the_table_has_a_row_without_recording_and_one_with(comparison: Comparison) -> None:
    _, off, on, *_ = comparison.show().splitlines()

    assert ["off", "50.0", "(25.0", "..", "100.0)"] == off.split()[:5]
    assert ["on", "49.0", "(24.0", "..", "90.0)"] == on.split()[:5]


def test_results_with_all_rows_are_accepted() -> None:
    check_answers({ON: [result(10, 1)], OFF: [result(12, 1)]}, recorded=10)


@pytest.mark.parametrize(
    ("off", "recorded", "message"),
    [
        (replace(result(12, 1), failures=("503",)), 10, "1 request.* failed, the first with '503'"),
        (result(12, 1), 9, "10 predictions were answered, but only 9 recorded"),
    ],
)
def test_failures_and_missing_rows_are_errors(off: LoadResult, recorded: int, message: str) -> None:
    with pytest.raises(RecordingError, match=message):
        check_answers({ON: [result(10, 1)], OFF: [off]}, recorded)
