"""The benchmark of recording runs, and says what it measured; how much that is, is no test."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from benchmarks.database import count_rows, engine_of, sqlite_url
from benchmarks.writing import predictions
from db.database.schema import METRICS
from tests.support.benchmark import figures_of, print_of, run


@pytest.fixture(name="users", scope="module")
def fixture_users(output: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[Path, bytes]:
    """Return what the user has: a database, and files in the folder that the run writes to."""
    database = tmp_path_factory.mktemp("users") / "predictions.sqlite3"
    found = {
        output / "roberta-base-mine" / "model.safetensors": b"weights",
        output / "tweets.jsonl": b"texts",
        database: b"rows",
    }
    for path, content in found.items():
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    return found


@pytest.fixture(name="printed", scope="module")
def fixture_printed(repository: Path, output: Path, users: dict[Path, bytes]) -> str:
    """Run the quick benchmark; return what it printed."""
    exported = {"DATABASE_URL": f"sqlite:///{list(users)[-1]}"}
    own = dict.fromkeys(("SQL_SERVER", "SQL_USER", "SQL_PASSWORD"), "the user's own")
    return print_of("recording", repository, output, **exported, **own)


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


def test_only_the_figures_are_left_behind(
    figures: dict[str, Any], output: Path, users: dict[Path, bytes]
) -> None:
    assert figures
    own = {path.relative_to(output).parts[0] for path in users if path.is_relative_to(output)}
    assert {"recording.json", *own} == {path.name for path in output.iterdir()}


def test_nothing_of_the_users_is_touched(printed: str, users: dict[Path, bytes]) -> None:
    assert printed
    assert users == {path: path.read_bytes() for path in users}


def test_a_database_that_holds_others_predictions_is_refused(
    repository: Path, tmp_path: Path
) -> None:
    url = sqlite_url(tmp_path)
    engine = engine_of(url)
    METRICS.metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(insert(METRICS), [asdict(next(predictions(["a text"])))])
    engine.dispose()
    command = ["recording", "--quick", "--output", str(tmp_path / "figures")]

    done = run(command, repository, BENCH_DATABASE_URL=url)

    assert 1 == done.returncode
    assert "BENCH_DATABASE_URL names a database that holds 1 prediction(s)" in done.stdout
    assert 1 == count_rows(url)


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("TEXTS", "/dev/null", "/dev/null gives no texts: it is empty"),
        ("MODEL", "/dev/null", "/dev/null cannot be served"),
        ("BENCH_DATABASE_URL", "nosuch://host/db", "BENCH_DATABASE_URL cannot be used"),
    ],
)
def test_a_bad_setting_stops_the_run_with_its_name(
    repository: Path, tmp_path: Path, variable: str, value: str, message: str
) -> None:
    done = run(["recording", "--quick", "--output", str(tmp_path)], repository, **{variable: value})

    assert 1 == done.returncode
    assert message in done.stdout
    assert "Traceback" not in done.stdout
