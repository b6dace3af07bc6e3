"""The benchmark of recording runs, and says what it measured; how much that is, is no test."""

from pathlib import Path
from typing import Any

import pytest

from tests.benchmark import figures_of, print_of, run


@pytest.fixture(name="printed", scope="module")
def fixture_printed(repository: Path, output: Path) -> str:
    """Run the quick benchmark; return what it printed."""
    return print_of("recording", repository, output)


@pytest.fixture(name="figures", scope="module")
def fixture_figures(printed: str, output: Path) -> dict[str, Any]:
    """Read what the benchmark wrote."""
    return figures_of("recording", output, printed)


def test_both_services_answer_everything_in_every_round(figures: dict[str, Any]) -> None:
    measurements = figures["comparison"]["measurements"]

    assert [True, False, False, True] == [made["is_recording"] for made in measurements]
    for made in measurements:
        assert [] == made["failures"]
        assert 32 <= made["answered"]
        assert 0 < made["requests_per_s"]
        assert 0 < made["p50_ms"] <= made["p99_ms"]
        assert 0 <= made["cores"]["idle"] < made["cores"]["service"]


def test_the_writer_and_the_spool_have_figures(figures: dict[str, Any]) -> None:
    assert "sqlite" in figures["writer_rows_per_s"]
    for spread in figures["writer_rows_per_s"].values():
        assert 0 < spread["lowest"] <= spread["median"] <= spread["highest"]
    assert 16 == figures["appending"]["batch_rows"]
    assert 0 < figures["appending"]["request_ms"] < figures["appending"]["batch_p99_ms"]


def test_progress_ratios_and_goals_are_printed(printed: str) -> None:
    assert 4 == printed.count("\nround ")
    assert "starter, 32 connections, recording into sqlite, on " in printed
    for line in ("\non / off ", "\nthroughput, on / off ", "\nwriter into sqlite, rows/s "):
        assert line in printed


def test_only_the_figures_are_left_behind(figures: dict[str, Any], output: Path) -> None:
    assert figures
    assert ["recording.json"] == [path.name for path in output.iterdir()]


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("TEXTS", "/dev/null", "/dev/null gives no texts: it is empty"),
        ("MODEL", "/dev/null", "/dev/null is no model that can be served"),
        ("DATABASE_URL", "nosuch://host/db", "DATABASE_URL or SQL_SERVER names a database"),
    ],
)
def test_a_bad_setting_stops_the_run_with_its_name(
    repository: Path, tmp_path: Path, variable: str, value: str, message: str
) -> None:
    done = run(["recording", "--quick", "--output", str(tmp_path)], repository, **{variable: value})

    assert 1 == done.returncode
    assert message in done.stdout
    assert "Traceback" not in done.stdout
