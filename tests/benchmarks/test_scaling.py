"""The benchmark of scaling runs and reports its results; speed is not tested."""

from itertools import pairwise
from pathlib import Path

import pytest

from tests.benchmarks.command import QuickRun, quick_run

pytestmark = pytest.mark.slow

pytest.importorskip("torch", reason="the training group is not installed")


@pytest.fixture(name="quick", scope="module")
def fixture_quick(output: Path, dataset: Path) -> QuickRun:
    """Run it once."""
    return quick_run("scaling", output, DATASET=str(dataset))


def test_every_point_of_both_curves_is_measured(quick: QuickRun) -> None:
    by_length, by_batch = quick.results["by_length"], quick.results["by_batch"]

    assert ["8", "16", "32", "64", "128"] == list(by_length)  # up to what the starter reads
    assert all(2 * int(one) == int(two) for one, two in pairwise(by_batch))
    for spread in (*by_length.values(), *by_batch.values()):
        assert 0 < spread["lowest"] <= spread["median"] <= spread["highest"]


def test_int8_is_compared_with_fp32_on_all_rows(quick: QuickRun) -> None:
    assert 50 == quick.results["precision"]["rows"]
    assert 0.9 < quick.results["precision"]["agreement"] <= 1
    assert "\nThe starter: int8 has accuracy " in quick.printed


def test_a_plot_is_drawn(quick: QuickRun) -> None:
    assert Path(quick.results["plot"]).read_bytes().startswith(b"\x89PNG")
