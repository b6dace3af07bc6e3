"""The commands of `python -m db`, run as a user runs them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from db.database.engine import make_engine
from db.prediction_logger import PredictionLogger
from db.settings import DatabaseSettings
from tests.support.foreign_tables import FOREIGN
from tests.support.predictions import prediction
from tests.support.stored import awaited


@pytest.fixture(name="environment")
def fixture_environment(sqlite: DatabaseSettings) -> dict[str, str]:
    """Return the variables that name an empty database and spool."""
    return {
        "PATH": os.environ["PATH"],
        "ENV_FILE": "",
        "DATABASE_URL": str(sqlite.url()),
        "SPOOL_DIR": str(sqlite.spool_dir),
    }


def run(
    repository: Path, environment: dict[str, str], *arguments: str
) -> subprocess.CompletedProcess[str]:
    """Run a command."""
    command = [sys.executable, "-m", "db", *arguments]
    return subprocess.run(
        command, cwd=repository, env=environment, capture_output=True, text=True, check=False
    )


def test_setup_creates_the_tables_and_may_be_repeated(
    repository: Path, environment: dict[str, str]
) -> None:
    for _ in range(2):
        done = run(repository, environment, "setup")
        assert (0, "the tables are ready\n") == (done.returncode, done.stdout)


@pytest.mark.parametrize("command", [["setup"], ["status"], ["prune", "--older-than", "0d"]])
def test_the_table_of_another_program_is_refused_by_each_command_in_one_line(
    repository: Path, environment: dict[str, str], sqlite: DatabaseSettings, command: list[str]
) -> None:
    engine = make_engine(sqlite)
    FOREIGN["other metrics"].table.create(engine)
    engine.dispose()

    done = run(repository, environment, *command)

    assert 1 == done.returncode
    assert [FOREIGN["other metrics"].difference in line for line in done.stderr.splitlines()] == [
        True
    ]


def test_status_tells_what_is_stored_and_what_waits(
    repository: Path, environment: dict[str, str], sqlite: DatabaseSettings
) -> None:
    recorder = PredictionLogger(sqlite)
    recorder.open()
    recorder.record([prediction() for _ in range(3)])
    awaited(sqlite, 3)
    recorder.close()
    waiting = PredictionLogger(sqlite)  # not opened: nobody writes what it spools
    waiting.record([prediction(), prediction()])

    done = run(repository, environment, "status")
    waiting.close()

    told = dict(line.split(":") for line in done.stdout.splitlines())
    assert 0 == done.returncode
    assert ("2", "0", "3") == tuple(
        told[name].strip() for name in ("spooled rows", "dead letters", "rows in database")
    )
    assert float(told["oldest of them"].split()[0]) >= 0


def test_status_of_a_database_that_is_away_tells_of_the_spool_and_fails(
    repository: Path, environment: dict[str, str], sqlite: DatabaseSettings
) -> None:
    Path(sqlite.url().database or "").mkdir(parents=True)

    done = run(repository, environment, "status")

    assert 1 == done.returncode
    assert "spooled rows:      0" in done.stdout
    assert "unable to open database file" in done.stderr
    assert "Traceback" not in done.stderr


def test_prune_tells_how_many_rows_it_deleted(
    repository: Path, environment: dict[str, str], sqlite: DatabaseSettings
) -> None:
    recorder = PredictionLogger(sqlite)
    recorder.open()
    recorder.record([prediction()])  # of February 2026
    recorder.close()

    done = run(repository, environment, "prune", "--older-than", "1d")

    assert (0, "deleted 1 rows\ndeleted 1 rows in total\n") == (done.returncode, done.stdout)


def test_prune_goes_on_if_it_is_told_how_often(
    repository: Path, environment: dict[str, str], sqlite: DatabaseSettings
) -> None:
    recorder = PredictionLogger(sqlite)
    recorder.open()
    recorder.record([prediction()])
    recorder.close()
    command = [sys.executable, "-m", "db", "prune", "--older-than", "1d", "--every", "24h"]

    with subprocess.Popen(
        command, cwd=repository, env=environment, stdout=subprocess.PIPE, text=True
    ) as pruning:
        assert pruning.stdout is not None
        lines = [pruning.stdout.readline() for _ in range(2)]
        status = pruning.poll()
        pruning.terminate()

    assert ["deleted 1 rows\n", "deleted 1 rows in total\n"] == lines
    assert status is None


def test_prune_without_an_age_is_refused(repository: Path, environment: dict[str, str]) -> None:
    assert 2 == run(repository, environment, "prune").returncode
    assert 2 == run(repository, environment, "prune", "--older-than", "long").returncode
    often = ("prune", "--older-than", "1d", "--every", "0m")
    assert 2 == run(repository, environment, *often).returncode


def test_dead_letters_are_listed_and_requeued(
    repository: Path, environment: dict[str, str], sqlite: DatabaseSettings
) -> None:
    recorder = PredictionLogger(sqlite)
    recorder.open()
    recorder.record([prediction("x" * 5001), prediction("fine")])
    recorder.close()

    listed = run(repository, environment, "dead-letters")
    requeued = run(repository, environment, "dead-letters", "--requeue")
    empty = run(repository, environment, "quarantine")  # the command's former name

    assert '"refused": "IntegrityError CHECK constraint failed' in listed.stdout
    assert "x" * 5001 in listed.stdout
    assert "requeued 1 rows\n" == requeued.stdout
    assert "" == empty.stdout


def test_a_damaged_spool_file_is_told_and_the_others_are_counted(
    repository: Path, environment: dict[str, str], sqlite: DatabaseSettings
) -> None:
    recorder = PredictionLogger(sqlite)
    recorder.record([prediction(), prediction()])
    (sqlite.spool_dir / "empty.spool").touch()
    (sqlite.spool_dir / "damaged.spool").write_bytes(b"\xa5" * 5000)

    done = run(repository, environment, "status")
    recorder.close()

    assert "spooled rows:      2" in done.stdout
    assert "damaged.spool cannot be read: file is not a database" in done.stderr


def test_sql_server_without_the_administrators_password_is_an_error_that_names_it(
    repository: Path, environment: dict[str, str]
) -> None:
    del environment["DATABASE_URL"]
    environment |= {"SQL_SERVER": "nowhere", "SQL_USER": "service", "SQL_PASSWORD": "secret"}

    for command in (["setup"], ["prune", "--older-than", "1d"]):
        done = run(repository, environment, *command)

        assert 1 == done.returncode
        assert done.stderr.startswith("SA_PASSWORD is not set")


@pytest.mark.parametrize("user", ["", "sa", "SA"])
def test_the_service_is_never_the_administrator(
    repository: Path, environment: dict[str, str], user: str
) -> None:
    del environment["DATABASE_URL"]
    environment |= {"SQL_SERVER": "nowhere", "SQL_USER": user, "SQL_PASSWORD": "secret"}

    done = run(repository, environment | {"SA_PASSWORD": "hidden"}, "setup")

    assert 1 == done.returncode
    assert "SQL_USER" in done.stderr
    assert "secret" not in done.stderr
    assert "hidden" not in done.stderr
