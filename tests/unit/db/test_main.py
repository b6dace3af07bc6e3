"""The commands of `python -m db`."""

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

from db.__main__ import main
from db.database.engine import make_engine
from db.prediction_logger import PredictionLogger
from db.settings import DatabaseSettings
from tests.support.foreign_tables import FOREIGN
from tests.support.predictions import prediction
from tests.support.stored import logging_to

PRUNE = ["prune", "--older-than", "1d"]


class Result(NamedTuple):
    """What a command returned and printed."""

    status: int
    out: str
    err: str


class Command:
    """Runs commands in this process, with the variables of an empty database and spool."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: str) -> Result:
        """Run a command."""
        try:
            status = main(arguments)
        except SystemExit as error:
            status = int(error.code or 0)
        return Result(status, *self._capsys.readouterr())


@pytest.fixture(name="run")
def fixture_run(
    sqlite: DatabaseSettings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """Set the variables of an empty database and spool."""
    monkeypatch.setenv("DATABASE_URL", str(sqlite.url()))
    monkeypatch.setenv("SPOOL_DIR", str(sqlite.spool_dir))
    return Command(capsys)


def record(settings: DatabaseSettings, *texts: str) -> None:
    """Record predictions of February 2026."""
    with logging_to(settings) as log:
        log.record([prediction(text) for text in texts])


def test_setup_creates_the_tables_and_can_be_repeated(run: Command) -> None:
    for _ in range(2):
        assert (0, "the tables are ready\n", "") == run("setup")


@pytest.mark.parametrize("command", [["setup"], ["status"], PRUNE])
def test_each_command_refuses_the_table_of_another_program_in_one_line(
    run: Command, sqlite: DatabaseSettings, command: list[str]
) -> None:
    engine = make_engine(sqlite)
    FOREIGN["other metrics"].table.create(engine)
    engine.dispose()

    result = run(*command)

    (line,) = result.err.splitlines()
    assert 1 == result.status
    assert FOREIGN["other metrics"].difference in line


def test_status_counts_stored_rows_pending_rows_and_dead_letters(
    run: Command, sqlite: DatabaseSettings
) -> None:
    record(sqlite, "one", "two", "three")
    with closing(PredictionLogger(sqlite)) as unopened:
        unopened.record([prediction(), prediction()])

        result = run("status")

    shown = dict(line.split(":") for line in result.out.splitlines())
    assert 0 == result.status
    assert ("2", "0", "3") == tuple(
        shown[name].strip() for name in ("spooled rows", "dead letters", "rows in database")
    )
    assert float(shown["oldest of them"].split()[0]) >= 0


def test_status_shows_the_spool_and_fails_if_the_database_is_down(
    run: Command, sqlite: DatabaseSettings
) -> None:
    Path(sqlite.url().database or "").mkdir(parents=True)

    result = run("status")

    assert 1 == result.status
    assert "spooled rows:      0" in result.out
    assert "unable to open database file" in result.err
    assert 1 == len(result.err.splitlines())


def test_status_names_a_damaged_spool_file_and_counts_the_others(
    run: Command, sqlite: DatabaseSettings, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(PredictionLogger(sqlite)) as unopened:
        unopened.record([prediction(), prediction()])
        (sqlite.spool_dir / "empty.spool").touch()
        (sqlite.spool_dir / "damaged.spool").write_bytes(b"\xa5" * 5000)

        result = run("status")

    assert "spooled rows:      2" in result.out
    assert "damaged.spool cannot be read: file is not a database" in caplog.text


def test_prune_prints_how_many_rows_it_deleted(run: Command, sqlite: DatabaseSettings) -> None:
    record(sqlite, "old")

    assert (0, "deleted 1 rows\ndeleted 1 rows in total\n", "") == run(*PRUNE)


def test_prune_with_an_interval_keeps_running(
    run: Command, repository: Path, sqlite: DatabaseSettings
) -> None:
    assert run
    record(sqlite, "old")
    command = [sys.executable, "-m", "db", *PRUNE, "--every", "24h"]

    with subprocess.Popen(
        command, cwd=repository, env=os.environ, stdout=subprocess.PIPE, text=True
    ) as pruning:
        assert pruning.stdout is not None
        lines = [pruning.stdout.readline() for _ in range(2)]
        status = pruning.poll()
        pruning.terminate()

    assert ["deleted 1 rows\n", "deleted 1 rows in total\n"] == lines
    assert status is None


@pytest.mark.parametrize(
    "arguments", [["prune"], ["prune", "--older-than", "long"], [*PRUNE, "--every", "0m"]]
)
def test_prune_refuses_an_invalid_age(run: Command, arguments: list[str]) -> None:
    assert 2 == run(*arguments).status


@pytest.mark.parametrize(
    ("listing", "requeuing"),
    [("dead-letters", "--requeue"), ("quarantine", "--replay")],  # the latter of earlier versions
)
def test_dead_letters_are_listed_and_requeued(
    run: Command, sqlite: DatabaseSettings, listing: str, requeuing: str
) -> None:
    record(sqlite, "x" * 5001, "fine")

    listed = run(listing)
    requeued = run(listing, requeuing)
    remaining = run(listing)

    assert '"refused": "IntegrityError CHECK constraint failed' in listed.out
    assert "x" * 5001 in listed.out
    assert "requeued 1 rows\n" == requeued.out
    assert "" == remaining.out


@pytest.mark.parametrize(
    ("command", "logins", "problem"),
    [
        (["setup"], {"SQL_USER": "service"}, "SA_PASSWORD is not set"),
        (PRUNE, {"SQL_USER": "service"}, "SA_PASSWORD is not set"),
        (["setup"], {"SQL_USER": "", "SA_PASSWORD": "hidden"}, "SQL_USER"),
        (["setup"], {"SQL_USER": "sa", "SA_PASSWORD": "hidden"}, "SQL_USER"),
        (["setup"], {"SQL_USER": "SA", "SA_PASSWORD": "hidden"}, "SQL_USER"),
    ],
)
def test_sql_server_needs_an_administrator_who_is_not_the_service(
    run: Command,
    monkeypatch: pytest.MonkeyPatch,
    command: list[str],
    logins: dict[str, str],
    problem: str,
) -> None:
    server = {"DATABASE_URL": "", "SQL_SERVER": "nowhere", "SQL_PASSWORD": "secret"}
    for name, value in (server | logins).items():
        monkeypatch.setenv(name, value)

    result = run(*command)

    assert 1 == result.status
    assert result.err.startswith(problem)
    assert "secret" not in result.err
    assert "hidden" not in result.err
