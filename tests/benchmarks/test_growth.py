"""The benchmark of growth runs, and says what it measured; how much that is, is no test."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.support.benchmark import figures_of, print_of

pytest.importorskip("torch", reason="the training group is not installed")


@pytest.fixture(name="printed", scope="module")
def fixture_printed(repository: Path, output: Path) -> str:
    """Run the quick benchmark on a data set made of our samples; return what it printed."""
    from tests.support.tweet_data import write_sample  # pylint: disable=import-outside-toplevel

    folder = write_sample(output / "tweets")
    return print_of("growth", repository, output, DATASET=str(folder))


@pytest.fixture(name="figures", scope="module")
def fixture_figures(printed: str, output: Path) -> dict[str, Any]:
    """Read what the benchmark wrote."""
    return figures_of("growth", output, printed)


def test_lengths_go_up_to_what_the_model_can_read(figures: dict[str, Any]) -> None:
    assert ["8", "16", "32", "64", "128"] == list(figures["by_length"])


def test_batches_double_in_size(figures: dict[str, Any]) -> None:
    assert all(2 * int(one) == int(two) for one, two in pairwise(figures["by_batch"]))


@pytest.mark.parametrize("curve", ["by_length", "by_batch"])
def test_every_point_has_its_spread(figures: dict[str, Any], curve: str) -> None:
    for spread in figures[curve].values():
        assert 0 < spread["lowest"] <= spread["median"] <= spread["highest"]


def test_int8_is_compared_with_fp32_on_all_rows(figures: dict[str, Any], printed: str) -> None:
    assert 50 == figures["precision"]["rows"]
    assert 0.9 < figures["precision"]["agreement"] <= 1
    assert "\nThe starter: int8 has accuracy " in printed


def test_a_picture_is_drawn(figures: dict[str, Any]) -> None:
    assert Path(figures["picture"]).read_bytes().startswith(b"\x89PNG")
