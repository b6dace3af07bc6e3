"""Every run is a row of the database, once, even if the database was down."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from db.database.schema import TRAINING_RUNS
from db.settings import DatabaseSettings
from tests.support.database_fixtures import EVERY_DATABASE
from tests.support.reports import WITHOUT_CHAMPION_MODEL, run_report
from tests.support.server import free_port
from tests.support.stored import connected
from training.files import Files
from training.promotion.gate import Decision
from training.promotion.run_log import keep_run, record_runs, to_row
from training.reporting.report import RunReport


@pytest.fixture(name="files")
def fixture_files(tmp_path: Path) -> Files:
    """Return where the runs of a test write."""
    return Files(tmp_path)


def log_run(report: RunReport, files: Files, settings: DatabaseSettings) -> None:
    """Do what a training run does at its end."""
    keep_run(report, files, settings)
    record_runs(files, settings)


def rows(settings: DatabaseSettings) -> list[dict[str, Any]]:
    """Return all rows; those of models that were promoted come first."""
    with connected(settings) as connection:
        found = connection.execute(select(TRAINING_RUNS).order_by(TRAINING_RUNS.c.decision))
        return [dict(row) for row in found.mappings()]


@EVERY_DATABASE
def test_runs_are_rows_with_their_metrics(settings: DatabaseSettings, files: Files) -> None:
    rejected = run_report(
        decision=Decision(False, "not better"),
        model_tag=None,
        models=WITHOUT_CHAMPION_MODEL,
    )

    log_run(run_report(), files, settings)
    log_run(rejected, files, settings)

    first, second = rows(settings)
    assert ("promoted", "sentiment:new") == (first["decision"], first["model_tag"])
    assert (0.875, 0.75, 0.625) == (
        first["accuracy"],
        first["champion_accuracy"],
        first["base_accuracy"],
    )
    assert ("int8", 1000, 8, 42) == (
        first["precision"],
        first["train_size"],
        first["eval_size"],
        first["seed"],
    )
    assert "2026-10-01T10:00:00" == first["timestamp"].isoformat()
    assert pytest.approx(run_report().models.mcnemar.p_value) == first["p_value"]  # type: ignore[union-attr]
    assert ("rejected", None, 0.7, None) == tuple(
        second[name] for name in ("decision", "model_tag", "champion_accuracy", "p_value")
    )
    assert not list(files.unrecorded_runs.iterdir())


@EVERY_DATABASE
def test_a_run_is_kept_while_the_database_is_down(
    settings: DatabaseSettings, files: Files, caplog: pytest.LogCaptureFixture
) -> None:
    away = f"postgresql+psycopg://somebody:secret@127.0.0.1:{free_port()}/nowhere"
    log_run(run_report(), files, DatabaseSettings(database_url=away))
    waiting = len(list(files.unrecorded_runs.iterdir()))

    log_run(run_report(), files, settings)

    assert 1 == waiting
    assert 2 == len(rows(settings))
    assert "The run is not in the database" in caplog.text
    assert "secret" not in caplog.text


@EVERY_DATABASE
def test_a_run_that_was_recorded_before_its_file_was_deleted_is_not_recorded_twice(
    settings: DatabaseSettings, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as killed:
        killed.setattr(Path, "unlink", lambda _: None)  # as if the process had been killed there
        log_run(run_report(), files, settings)

    log_run(run_report(), files, settings)

    assert 2 == len(rows(settings))
    assert not list(files.unrecorded_runs.iterdir())


def test_a_refused_run_does_not_block_the_others(
    settings: DatabaseSettings, files: Files, caplog: pytest.LogCaptureFixture
) -> None:
    files.unrecorded_runs.mkdir(parents=True)
    wrong = json.loads(to_row(run_report()).to_json()) | {"decision": None}
    contents = ["{", "{}", "[]", '{"id": 1}', json.dumps(wrong)]
    for number, content in enumerate(contents):
        (files.unrecorded_runs / f"{number}.json").write_text(content)

    log_run(run_report(), files, settings)

    assert 1 == len(rows(settings))
    left = {path.name for path in files.unrecorded_runs.iterdir()}
    assert {f"{number}.refused" for number in range(len(contents))} == left
    assert "The database refuses the run in" in caplog.text


def test_without_a_named_database_nothing_is_written(files: Files) -> None:
    log_run(run_report(), files, DatabaseSettings())

    assert not files.unrecorded_runs.exists()


@EVERY_DATABASE
def test_a_large_seed_and_a_long_path_fit(settings: DatabaseSettings, files: Files) -> None:
    report = run_report()
    origin = type(report.provenance)(
        **{**vars(report.provenance), "seed": 2**32 - 1, "base_model": "/long" * 200}
    )

    log_run(run_report(provenance=origin), files, settings)

    (row,) = rows(settings)
    assert (2**32 - 1, "/long" * 200) == (row["seed"], row["base_model"])


def test_a_row_can_be_written_to_json_and_read() -> None:
    row = to_row(run_report())

    assert row == type(row).from_json(row.to_json())
