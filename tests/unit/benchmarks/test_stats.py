"""Measured values are summarized and compared with targets."""

import math

import pytest

from benchmarks.stats import Spread, Target, percentile, table


@pytest.mark.parametrize(
    ("share", "expected"), [(0.0, 1.0), (0.01, 1.0), (0.5, 50.0), (0.99, 99.0), (1.0, 100.0)]
)
def test_a_percentile_is_the_nearest_rank(share: float, expected: float) -> None:
    values = [float(value) for value in range(100, 0, -1)]

    assert expected == percentile(values, share)


def test_a_percentile_of_no_values_is_nan() -> None:
    assert math.isnan(percentile([], 0.99))


def test_a_spread_shows_its_median_between_the_extremes() -> None:
    assert "1,002.5 (1,000.0 .. 1,010.0)" == Spread.of([1010, 1000, 1001, 1004]).show(1)


def test_the_columns_of_a_table_are_as_wide_as_their_widest_cell() -> None:
    assert "a      b\nwider  c" == table([["a", "b"], ["wider", "c"]])


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (Target("rate", 0.95, least=0.95), ("rate", "0.950", "at least 0.95", "met")),
        (Target("p99", 1.05, most=1.05), ("p99", "1.050", "at most 1.05", "met")),
        (Target("rate", 9_999, least=10_000), ("rate", "9,999.000", "at least 10,000", "MISSED")),
        (Target("p99", 1.051, most=1.05), ("p99", "1.051", "at most 1.05", "MISSED")),
    ],
)
def test_a_target_is_met_up_to_its_limit(target: Target, expected: tuple[str, ...]) -> None:
    assert expected == target.show()
    assert ("met" == expected[-1]) == target.is_met
