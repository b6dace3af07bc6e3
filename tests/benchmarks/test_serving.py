"""The benchmark of serving runs, and says what it measured; how much that is, is no test."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.benchmark import figures_of, print_of, run

pytest.importorskip("torch", reason="the training group is not installed")

CONTESTANTS = {"this service", "plain", "bare loop"}  # LitServe where it is installed
OPEN_LOADS = {"50% load", "90% load"}


@pytest.fixture(name="printed", scope="module")
def fixture_printed(repository: Path, output: Path) -> str:
    """Run the quick benchmark; return what it printed."""
    return print_of("serving", repository, output)


@pytest.fixture(name="figures", scope="module")
def fixture_figures(printed: str, output: Path) -> dict[str, Any]:
    """Read what the benchmark wrote."""
    return figures_of("serving", output, printed)


def test_all_contestants_are_measured_under_the_same_loads(figures: dict[str, Any]) -> None:
    measurements = figures["results"]["measurements"]

    seen = {(made["contestant"], made["load"]) for made in measurements}
    assert {name for name, _ in seen} >= CONTESTANTS
    for name in CONTESTANTS:
        assert {(name, "1 connection"), (name, "32 connections")} <= seen
    for name in CONTESTANTS - {"bare loop"}:
        assert {(name, load) for load in OPEN_LOADS} <= seen
    assert len(measurements) == 2 * len(seen)


def test_no_request_failed_and_each_took_its_time(figures: dict[str, Any]) -> None:
    for made in figures["results"]["measurements"]:
        assert 0 < made["requests_per_s"]
        if made["contestant"] != "bare loop":
            # at a rate that was measured a moment ago, a slower moment has too many waiting
            possible = {"429"} if made["load"] in OPEN_LOADS else set()
            assert possible >= set(made["failures"])
            assert 0 < made["p50_ms"] <= made["p99_ms"]
            assert 0 < made["generator_cores"] < 1


def test_memory_and_time_until_ready_are_told(figures: dict[str, Any]) -> None:
    services = CONTESTANTS - {"bare loop"}
    assert figures["starts"].keys() >= {*services, "BentoML"}
    assert all(0.1 < seconds["median"] for seconds in figures["starts"].values())
    assert figures["results"]["peaks_mb"].keys() >= services
    assert all(50 < peak for peak in figures["results"]["peaks_mb"].values())


def test_the_first_seconds_after_ready_are_measured_beside_later_ones(
    figures: dict[str, Any], printed: str
) -> None:
    (start,) = figures["first_seconds"]

    for stretch in ("first", "later"):
        assert 0 < start[stretch]["p50_ms"] <= start[stretch]["p99_ms"]
        assert start[stretch]["p99_ms"] <= start[stretch]["longest_ms"]
    assert "\nthe first 1 s after ready " in printed
    assert "\np99 of the first 1 s after ready / later, ours " in printed


def test_progress_ratios_and_goals_are_printed(printed: str) -> None:
    assert "\nstarter on " in printed
    for line in ("\nours / theirs ", "\nrequests/s, 32 connections, ours / plain ", "\nfailed req"):
        assert line in printed


def test_a_picture_and_the_figures_are_left_behind(figures: dict[str, Any], output: Path) -> None:
    assert figures["picture"] == str(output / "serving.png")
    assert {"serving.json", "serving.png"} == {path.name for path in output.iterdir()}


def test_a_model_that_the_others_cannot_serve_is_refused(
    repository: Path, starter: Path, tmp_path: Path
) -> None:
    model = tmp_path / "model"
    model.mkdir()
    for path in starter.iterdir():
        if path.name != "model.safetensors":
            (model / path.name).symlink_to(path)

    done = run(["serving", "--output", str(tmp_path / "bench")], repository, MODEL=str(model))

    assert 1 == done.returncode
    assert f"MODEL: {model} has no model.safetensors for the others to serve" in done.stdout


def test_an_unknown_runtime_is_refused(repository: Path, tmp_path: Path) -> None:
    done = run(["serving", "--quick", "--output", str(tmp_path)], repository, RUNTIME="tensorrt")

    assert 1 == done.returncode
    assert "RUNTIME = 'tensorrt' is unknown. Choose openvino or torch." in done.stdout
