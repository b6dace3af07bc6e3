"""A login that the database refuses is not tried again and again, and recovers once it is right."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psycopg
import pytest
from prometheus_client import REGISTRY
from psycopg import sql
from pydantic import SecretStr
from sqlalchemy import make_url

from db.__main__ import main
from db.admin.status import spool_depth
from db.database.startup_check import StartupCheck
from db.prediction_logger import PredictionLogger
from db.settings import DatabaseSettings
from db.writing.login_backoff import FILE
from tests.support.postgres import PostgreSQL, running_or_skipped
from tests.support.predictions import prediction
from tests.support.server import eventually, run_python
from tests.support.stored import STORED_WITHIN_S, awaited

ROLE, RIGHT, WRONG = "service", "right", "wrong"
REFUSED = f'password authentication failed for user "{ROLE}"'
DEPTH = "sentiment_spool_rows"


@dataclass(frozen=True)
class Locked:
    """A database whose role needs its password, and settings that have another one."""

    server: PostgreSQL
    settings: DatabaseSettings

    @property
    def attempts(self) -> int:
        """How often the server has refused the password."""
        return self.server.log.count(REFUSED)

    def mend(self) -> None:
        """Give the role the password of the settings."""
        self.execute("ALTER ROLE {} PASSWORD {}", WRONG)

    def execute(self, statement: str, password: str) -> None:
        """Execute as the server's owner."""
        with psycopg.connect(self.server.url, autocommit=True) as connection:
            connection.execute(
                sql.SQL(statement).format(sql.Identifier(ROLE), sql.Literal(password))  # type: ignore[arg-type]
            )


@pytest.fixture(name="locked")
def fixture_locked(tmp_path: Path) -> Iterator[Locked]:
    """Start a server that refuses the login of the settings."""
    with running_or_skipped() as server:
        server.require_password(ROLE)
        url = make_url(server.environment()["DATABASE_URL"]).set(username=ROLE, password=WRONG)
        settings = DatabaseSettings(
            database_url=SecretStr(url.render_as_string(hide_password=False)), spool_dir=tmp_path
        )
        locked = Locked(server, settings)
        locked.execute("CREATE ROLE {} SUPERUSER LOGIN PASSWORD {}", RIGHT)
        yield locked


@pytest.fixture(name="recorder")
def fixture_recorder(locked: Locked) -> Iterator[PredictionLogger]:
    """Open a recorder, whose first attempt to log in is refused."""
    recorder = PredictionLogger(locked.settings)
    recorder.open()
    recorder.record([prediction()])
    eventually((locked.settings.spool_dir / FILE).exists, STORED_WITHIN_S)
    yield recorder
    recorder.close()


def is_shown(rows: int) -> bool:
    """Return whether the gauge of spooled rows has that value."""
    return REGISTRY.get_sample_value(DEPTH) == rows


def test_it_is_tried_once_and_then_not_for_a_while_though_rows_come(
    locked: Locked, recorder: PredictionLogger, caplog: pytest.LogCaptureFixture
) -> None:
    for rows in range(2, 6):
        recorder.record([prediction()])
        eventually(partial(is_shown, rows), STORED_WITHIN_S)

    assert 1 == locked.attempts
    assert recorder.is_ready()
    recorder.close()
    assert 1 == locked.attempts  # nor at the end
    assert 5 == spool_depth(locked.settings.spool_dir).pending
    records = [*caplog.get_records("setup"), *caplog.get_records("call")]
    (message,) = (record.message for record in records if record.levelno >= logging.WARNING)
    assert "refuses the login" in message
    assert REFUSED in message
    assert "`python -m db retry`" in message


def test_once_it_is_mended_retry_has_the_rows_written_at_once(
    locked: Locked,
    recorder: PredictionLogger,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("SPOOL_DIR", str(locked.settings.spool_dir))
    locked.mend()

    assert 0 == main(["retry"])

    awaited(locked.settings, 1)
    assert "logs in again" in capsys.readouterr().out
    assert 1 == locked.attempts
    assert 0 == main(["retry"])
    assert "no service" in capsys.readouterr().out
    recorder.close()
    assert not list(locked.settings.spool_dir.iterdir())


def test_the_check_of_the_tables_at_the_start_is_the_first_attempt(locked: Locked) -> None:
    check = StartupCheck(locked.settings)
    eventually(lambda: not check.is_running, STORED_WITHIN_S)
    assert 1 == locked.attempts
    recorder = PredictionLogger(locked.settings, check.refused_login)

    recorder.open()

    recorder.record([prediction()])
    eventually(partial(is_shown, 1), STORED_WITHIN_S)
    assert (locked.settings.spool_dir / FILE).exists()
    locked.mend()
    recorder.retry_login()
    awaited(locked.settings, 1)
    recorder.close()
    assert 1 == locked.attempts


@pytest.mark.usefixtures("recorder")
def test_setting_the_database_up_has_the_service_try_again(locked: Locked) -> None:
    here = {"SPOOL_DIR": str(locked.settings.spool_dir), "ENV_FILE": ""}
    locked.mend()

    run_python(["-m", "db", "setup"], locked.server.environment() | here)

    awaited(locked.settings, 1)


@pytest.mark.usefixtures("recorder")
def test_the_status_tells_when_the_next_attempt_is(
    locked: Locked, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SPOOL_DIR", str(locked.settings.spool_dir))
    monkeypatch.setenv("DATABASE_URL", locked.server.environment()["DATABASE_URL"])

    main(["status"])

    assert "login refused:     next attempt in" in capsys.readouterr().out


@pytest.mark.usefixtures("recorder")
def test_a_service_that_starts_anew_tries_at_once(locked: Locked) -> None:
    locked.mend()

    recorder = PredictionLogger(locked.settings)
    recorder.open()

    awaited(locked.settings, 1)
    recorder.close()


def test_a_database_that_is_missing_costs_no_attempt_so_it_is_tried_every_few_seconds(
    locked: Locked, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "other"
    url = make_url(locked.server.environment()["DATABASE_URL"]).set(database="nowhere")
    settings = DatabaseSettings(database_url=SecretStr(str(url)), spool_dir=folder)
    recorder = PredictionLogger(settings)

    recorder.open()
    recorder.record([prediction()])
    eventually(lambda: caplog.records, STORED_WITHIN_S)
    assert not (folder / FILE).exists()
    with psycopg.connect(locked.server.url, autocommit=True) as owner:
        owner.execute("CREATE DATABASE nowhere")
    awaited(settings, 1)
    recorder.close()

    (message,) = caplog.messages[:1]
    assert "until this is fixed" in message


def test_a_server_without_the_wanted_encryption_is_for_somebody_to_mend(
    locked: Locked, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "other"
    url = f"{locked.server.environment()['DATABASE_URL']}?sslmode=require"
    recorder = PredictionLogger(DatabaseSettings(database_url=SecretStr(url), spool_dir=folder))

    recorder.open()
    eventually(lambda: caplog.records, STORED_WITHIN_S)
    recorder.close()

    (message,) = caplog.messages
    assert "until this is fixed" in message
    assert not (folder / FILE).exists()
