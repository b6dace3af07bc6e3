"""The benchmark of serving runs and reports its results; speed is not tested."""

from pathlib import Path

import pytest

from benchmarks.serving import NOOP
from benchmarks.systems import MODEL_ONLY, PIPELINE, SERVICE
from tests.benchmarks.command import QuickRun, quick_run, run

pytestmark = pytest.mark.slow

pytest.importorskip("torch", reason="the training group is not installed")

SERVERS = {SERVICE, PIPELINE}  # and LitServe, if it is installed
OPEN_LOADS = {"50% load", "90% load"}


@pytest.fixture(name="quick", scope="module")
def fixture_quick(output: Path) -> QuickRun:
    """Run it once."""
    return quick_run("serving", output)


def test_all_systems_are_measured_under_the_same_loads(quick: QuickRun) -> None:
    measurements = quick.results["results"]["measurements"]

    seen = {(made["system"], made["load"]) for made in measurements}
    for name in (*SERVERS, MODEL_ONLY):
        assert {(name, "1 connection"), (name, "32 connections")} <= seen
    for name in SERVERS:
        assert {(name, load) for load in OPEN_LOADS} <= seen
    assert len(measurements) == 2 * len(seen)


def test_no_request_failed_and_every_latency_is_measured(quick: QuickRun) -> None:
    for made in quick.results["results"]["measurements"]:
        assert 0 < made["requests_per_s"]
        if made["system"] != MODEL_ONLY:
            # at a rate that was measured before, a slower moment may refuse requests
            allowed = {"429"} if made["load"] in OPEN_LOADS else set()
            assert allowed >= set(made["failures"])
            assert 0 < made["p50_ms"] <= made["p99_ms"]
            assert 0 < made["generator_cores"] < 1


def test_memory_and_start_up_time_are_measured(quick: QuickRun) -> None:
    starts, peaks_mb = quick.results["starts"], quick.results["results"]["peaks_mb"]

    assert starts.keys() >= {*SERVERS, NOOP}
    assert all(0.1 < seconds["median"] for seconds in starts.values())
    assert peaks_mb.keys() >= SERVERS
    assert all(50 < peak for peak in peaks_mb.values())


def test_the_first_seconds_after_ready_are_measured_beside_later_ones(quick: QuickRun) -> None:
    (start,) = quick.results["first_seconds"]

    for latencies in (start["first"], start["later"]):
        assert 0 < latencies["p50_ms"] <= latencies["p99_ms"] <= latencies["max_ms"]
    assert "\nfirst 1 s after ready " in quick.printed
    assert "\np99, service, first 1 s after ready / later " in quick.printed


def test_ratios_and_targets_are_printed(quick: QuickRun) -> None:
    assert "\nstarter on " in quick.printed
    ratio = f"\nrequests/s, 32 connections, service / {PIPELINE} "
    for line in ("\nservice / other ", ratio, "\nfailed req"):
        assert line in quick.printed


def test_only_the_plot_and_the_results_are_left(quick: QuickRun, output: Path) -> None:
    assert quick.results["plot"] == str(output / "serving.png")
    assert {"serving.json", "serving.png"} == {path.name for path in output.iterdir()}


def test_a_model_that_the_others_cannot_serve_is_refused(starter: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    for path in starter.iterdir():
        if path.name != "model.safetensors":
            (model / path.name).symlink_to(path)

    done = run("serving", "--output", str(tmp_path / "bench"), MODEL=str(model))

    assert 1 == done.returncode
    assert f"MODEL: {model} has no model.safetensors for the other systems" in done.stdout


def test_an_unknown_runtime_is_refused(tmp_path: Path) -> None:
    done = run("serving", "--quick", "--output", str(tmp_path), RUNTIME="tensorrt")

    assert 1 == done.returncode
    assert "RUNTIME = 'tensorrt' is unknown. Choose openvino or torch." in done.stdout
