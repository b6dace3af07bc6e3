"""Measured values are summed up."""

import math

import pytest

from benchmarks.stats import Spread, percentile, table


@pytest.mark.parametrize(
    ("share", "expected"), [(0.0, 1.0), (0.01, 1.0), (0.5, 50.0), (0.99, 99.0), (1.0, 100.0)]
)
def test_so_many_of_a_hundred_values_do_not_exceed_the_percentile(
    share: float, expected: float
) -> None:
    values = [float(value) for value in range(100, 0, -1)]

    assert expected == percentile(values, share)


def test_no_values_have_no_percentile() -> None:
    assert math.isnan(percentile([], 0.99))


def test_a_spread_shows_its_median_between_the_extremes() -> None:
    assert "1,002.5 (1,000.0 .. 1,010.0)" == Spread.of([1010, 1000, 1001, 1004]).show(1)


def test_a_table_has_columns_as_wide_as_their_widest_cell() -> None:
    assert "a      b\nwider  c" == table([["a", "b"], ["wider", "c"]])
