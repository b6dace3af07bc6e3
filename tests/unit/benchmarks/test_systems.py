"""Systems are compared round by round."""

import pytest

from benchmarks.systems import (
    MODEL_ONLY,
    PIPELINE,
    SERVICE,
    Measurement,
    Results,
    connections_load,
    share_load,
)

ONE, BUSY = connections_load(1), share_load(0.9)


def measurement(system: str, load: str, requests_per_s: float, p50_ms: float | None) -> Measurement:
    """Return a measurement without failures."""
    p99_ms = None if p50_ms is None else 2 * p50_ms
    return Measurement(system, load, requests_per_s, p50_ms, p99_ms, (), 0.1)


RESULTS = Results(
    (
        measurement(SERVICE, ONE, 100, 10),
        measurement(PIPELINE, ONE, 10, 100),
        measurement(MODEL_ONLY, ONE, 125, None),
        measurement(PIPELINE, ONE, 5, 200),
        measurement(SERVICE, ONE, 40, 25),
        measurement(MODEL_ONLY, ONE, 50, None),
        measurement(SERVICE, BUSY, 70, 14),
    ),
    {SERVICE: 400, PIPELINE: 800},
)


def test_loads_have_readable_names() -> None:
    assert ("1 connection", "32 connections", "90% load") == (ONE, connections_load(32), BUSY)


@pytest.mark.parametrize(
    ("metric", "load", "other", "expected"),
    [
        ("requests_per_s", ONE, PIPELINE, "9.00 (8.00 .. 10.00)"),
        ("p50_ms", ONE, PIPELINE, "0.11 (0.10 .. 0.12)"),
        ("requests_per_s", ONE, MODEL_ONLY, "0.80 (0.80 .. 0.80)"),
        ("p50_ms", ONE, MODEL_ONLY, None),
        ("requests_per_s", BUSY, PIPELINE, None),
    ],
)
def test_a_ratio_is_taken_within_each_round_if_both_systems_have_the_metric(
    metric: str, load: str, other: str, expected: str | None
) -> None:
    ratio = RESULTS.ratio(metric, load, SERVICE, other)

    assert expected == (ratio and ratio.show(2))


def test_measurements_are_selected_in_the_order_of_the_rounds() -> None:
    assert [100, 40] == [made.requests_per_s for made in RESULTS.of(SERVICE, ONE)]
    assert [] == RESULTS.of(PIPELINE, BUSY)


def test_systems_and_loads_are_listed_once() -> None:
    assert [SERVICE, PIPELINE, MODEL_ONLY] == RESULTS.systems()
    assert [ONE, BUSY] == RESULTS.loads()
    assert [ONE] == RESULTS.loads(MODEL_ONLY)


def test_a_measurement_shows_its_latencies_if_it_has_any() -> None:
    service, _, model_only, *_ = RESULTS.measurements

    assert "p50    10.0 ms  p99    20.0 ms  0 failed" in service.show()
    assert model_only.show().endswith("125.0 requests/s")
