"""The benchmark of patches runs and reports each part; speed is not tested."""

from pathlib import Path

import pytest

from benchmarks.patches import PARTS, REJECTING
from tests.benchmarks.command import quick_run

pytestmark = pytest.mark.slow


def test_every_part_is_measured_beside_the_stock_one(output: Path) -> None:
    quick = quick_run("patches", output)

    gains = quick.results["gains"]
    assert [part for part in PARTS for _ in range(1 + (part in REJECTING))] == [
        gain["part"] for gain in gains
    ]
    for gain in gains:
        assert 0 < gain["patched"]["cpu_ms"]
        assert 0 < gain["stock"]["cpu_ms"]
    assert "CPU ratio" in quick.printed
