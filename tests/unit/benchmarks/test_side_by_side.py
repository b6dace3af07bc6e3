"""Contestants are compared round by round."""

import pytest

from benchmarks.side_by_side import BARE, OURS, PLAIN, Measurement, Results, at, under


def measurement(
    contestant: str, load: str, requests_per_s: float, p50_ms: float | None
) -> Measurement:
    """Return a measurement without failures."""
    p99_ms = None if p50_ms is None else 2 * p50_ms
    return Measurement(contestant, load, requests_per_s, p50_ms, p99_ms, (), 0.1)


RESULTS = Results(
    (
        measurement(OURS, at(1), 100, 10),
        measurement(PLAIN, at(1), 10, 100),
        measurement(BARE, at(1), 125, None),
        measurement(PLAIN, at(1), 5, 200),
        measurement(OURS, at(1), 40, 25),
        measurement(BARE, at(1), 50, None),
        measurement(OURS, under(0.9), 70, 14),
    ),
    {OURS: 400, PLAIN: 800},
)


def test_loads_are_named_for_people() -> None:
    assert "1 connection" == at(1)
    assert "32 connections" == at(32)
    assert "90% load" == under(0.9)


@pytest.mark.parametrize(
    ("figure", "other", "expected"),
    [
        ("requests_per_s", PLAIN, "9.00 (8.00 .. 10.00)"),
        ("p50_ms", PLAIN, "0.11 (0.10 .. 0.12)"),
        ("requests_per_s", BARE, "0.80 (0.80 .. 0.80)"),
    ],
)
def test_ratios_are_those_within_a_round(figure: str, other: str, expected: str) -> None:
    ratio = RESULTS.ratio(figure, at(1), OURS, other)

    assert ratio is not None
    assert expected == ratio.show(2)


def test_there_is_no_ratio_of_what_one_of_them_does_not_have() -> None:
    assert RESULTS.ratio("p50_ms", at(1), OURS, BARE) is None
    assert RESULTS.ratio("requests_per_s", under(0.9), OURS, PLAIN) is None


def test_what_was_measured_under_a_load_is_in_the_order_of_the_rounds() -> None:
    assert [100, 40] == [made.requests_per_s for made in RESULTS.of(OURS, at(1))]
    assert [] == RESULTS.of(PLAIN, under(0.9))


def test_contestants_and_loads_are_told_once_each() -> None:
    assert [OURS, PLAIN, BARE] == RESULTS.contestants()
    assert [at(1), under(0.9)] == RESULTS.loads()
    assert [at(1)] == RESULTS.closed_loads()


def test_a_measurement_is_shown_with_its_latencies_where_it_has_some() -> None:
    ours, _, bare, *_ = RESULTS.measurements

    assert "p50    10.0 ms  p99    20.0 ms  0 failed" in ours.show()
    assert bare.show().endswith("125.0 requests/s")
