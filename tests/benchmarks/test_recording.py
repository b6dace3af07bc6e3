"""The benchmark of recording runs and reports its results; speed is not tested."""

from dataclasses import asdict
from pathlib import Path

import pytest
from sqlalchemy import insert

from benchmarks.database import count_rows, engine_of, sqlite_url
from benchmarks.writing import predictions
from db.database.schema import METRICS
from tests.benchmarks.command import QuickRun, quick_run, run

pytestmark = pytest.mark.slow


@pytest.fixture(name="users_files", scope="module")
def fixture_users_files(
    output: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[Path, bytes]:
    """Write a database of the user's, and files into the folder for results."""
    database = tmp_path_factory.mktemp("users") / "predictions.sqlite3"
    files = {
        output / "roberta-base-mine" / "model.safetensors": b"weights",
        output / "tweets.jsonl": b"texts",
        database: b"rows",
    }
    for path, content in files.items():
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    return files


@pytest.fixture(name="quick", scope="module")
def fixture_quick(output: Path, users_files: dict[Path, bytes]) -> QuickRun:
    """Run it once, with the user's own database in the environment."""
    exported = {"DATABASE_URL": f"sqlite:///{list(users_files)[-1]}"}
    logins = dict.fromkeys(("SQL_SERVER", "SQL_USER", "SQL_PASSWORD"), "the user's own")
    return quick_run("recording", output, **exported, **logins)


def test_the_service_is_measured_with_and_without_recording(quick: QuickRun) -> None:
    comparison = quick.results["comparison"]

    for measured in (comparison["on"], comparison["off"]):
        assert 0 < measured["requests_per_s"]["lowest"]
        assert 0 < measured["p50_ms"]["median"] <= measured["p99_ms"]["median"]
    assert 0 < comparison["overall_throughput"]
    assert 6 == quick.printed.count("\nround ")  # a warm-up and two rounds


def test_the_writer_and_the_spool_are_measured_alone(quick: QuickRun) -> None:
    spool, writers = quick.results["spool"], quick.results["writer_rows_per_s"]

    assert "sqlite" in writers
    for spread in writers.values():
        assert 0 < spread["lowest"] <= spread["median"] <= spread["highest"]
    assert 16 == spool["batch_rows"]
    assert 0 < spool["request_ms"] < spool["batch_p99_ms"]


def test_ratios_and_targets_are_printed(quick: QuickRun) -> None:
    assert "starter, 32 connections, recording into sqlite, on " in quick.printed
    for line in ("\non / off ", "\nthroughput, on / off ", "\nwriter into sqlite, rows/s "):
        assert line in quick.printed


def test_only_the_results_are_left_and_the_users_files_unchanged(
    quick: QuickRun, output: Path, users_files: dict[Path, bytes]
) -> None:
    own = {path.relative_to(output).parts[0] for path in users_files if output in path.parents}

    assert quick.results
    assert {"recording.json", *own} == {path.name for path in output.iterdir()}
    assert users_files == {path: path.read_bytes() for path in users_files}


def test_a_database_with_other_predictions_is_refused(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path)
    engine = engine_of(url)
    METRICS.metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(insert(METRICS), [asdict(next(predictions(["a text"])))])
    engine.dispose()

    done = run(
        "recording", "--quick", "--output", str(tmp_path / "results"), BENCH_DATABASE_URL=url
    )

    assert 1 == done.returncode
    assert "BENCH_DATABASE_URL names a database with 1 prediction(s)" in done.stdout
    assert 1 == count_rows(url)


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("TEXTS", "/dev/null", "/dev/null has no texts: it is empty"),
        ("MODEL", "/dev/null", "/dev/null cannot be served"),
        ("BENCH_DATABASE_URL", "nosuch://host/db", "BENCH_DATABASE_URL cannot be used"),
    ],
)
def test_a_bad_setting_stops_the_run_with_its_name(
    tmp_path: Path, variable: str, value: str, message: str
) -> None:
    done = run("recording", "--quick", "--output", str(tmp_path), **{variable: value})

    assert 1 == done.returncode
    assert message in done.stdout
    assert "Traceback" not in done.stdout
