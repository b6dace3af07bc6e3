"""A login that the database refuses is retried rarely, and at once after it was corrected."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import count
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
from tests.support.server import eventually
from tests.support.stored import STORED_WITHIN_S, awaited, logging_to

GROUP, RIGHT, WRONG = "with_password", "right", "wrong"
NUMBERS = count()


@dataclass(frozen=True)
class Locked:
    """A database whose role has another password than the settings."""

    server: PostgreSQL
    role: str
    settings: DatabaseSettings

    @property
    def refusal(self) -> str:
        """Return the server's message."""
        return f'password authentication failed for user "{self.role}"'

    @property
    def attempts(self) -> int:
        """Return how many logins the server has refused."""
        return self.server.log.count(self.refusal)

    @property
    def url_of_owner(self) -> str:
        """Return the URL of the database for a login without a password."""
        owner = make_url(self.server.environment()["DATABASE_URL"])
        return str(owner.set(database=self.role))

    def correct(self) -> None:
        """Give the role the password of the settings."""
        execute(self.server, "ALTER ROLE {} PASSWORD {}", sql.Identifier(self.role), WRONG)

    def has_backoff(self) -> bool:
        """Return whether the writer has recorded a refused login."""
        return (self.settings.spool_dir / FILE).exists()


def execute(server: PostgreSQL, statement: str, *values: sql.Composable | str) -> None:
    """Execute a statement as the server's owner."""
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(*values))  # type: ignore[arg-type]


@pytest.fixture(name="server", scope="module")
def fixture_server() -> Iterator[PostgreSQL]:
    """Start a server with a group of roles that need a password."""
    with running_or_skipped() as server:
        server.require_password(f"+{GROUP}")
        execute(server, "CREATE ROLE {}", sql.Identifier(GROUP))
        yield server


@pytest.fixture(name="locked")
def fixture_locked(server: PostgreSQL, tmp_path: Path) -> Locked:
    """Create a database and a role, and settings with a wrong password."""
    name = f"service_{next(NUMBERS)}"
    role = sql.Identifier(name)
    execute(server, "CREATE ROLE {} SUPERUSER LOGIN PASSWORD {}", role, RIGHT)
    execute(server, "GRANT {} TO {}", sql.Identifier(GROUP), role)
    execute(server, "CREATE DATABASE {}", role)
    url = make_url(server.environment()["DATABASE_URL"])
    url = url.set(username=name, password=WRONG, database=name)
    settings = DatabaseSettings(
        database_url=SecretStr(url.render_as_string(hide_password=False)), spool_dir=tmp_path
    )
    return Locked(server, name, settings)


@pytest.fixture(name="log")
def fixture_log(locked: Locked, monkeypatch: pytest.MonkeyPatch) -> Iterator[PredictionLogger]:
    """Open a prediction logger whose first login is refused."""
    monkeypatch.setenv("SPOOL_DIR", str(locked.settings.spool_dir))
    with logging_to(locked.settings) as log:
        log.record([prediction()])
        eventually(locked.has_backoff, STORED_WITHIN_S)
        yield log


def is_shown(rows: int) -> bool:
    """Return whether the gauge of pending rows has that value."""
    return REGISTRY.get_sample_value("sentiment_spool_rows") == rows


def test_a_refused_login_is_not_retried_for_new_rows_nor_at_the_end(
    locked: Locked, log: PredictionLogger, caplog: pytest.LogCaptureFixture
) -> None:
    for rows in range(2, 6):
        log.record([prediction()])
        eventually(partial(is_shown, rows), STORED_WITHIN_S)

    assert log.is_ready()
    log.close()
    assert 1 == locked.attempts
    assert 5 == spool_depth(locked.settings.spool_dir).pending
    records = [*caplog.get_records("setup"), *caplog.get_records("call")]
    (message,) = (record.message for record in records if record.levelno >= logging.WARNING)
    assert "refuses the login" in message
    assert locked.refusal in message
    assert "`python -m db retry`" in message


def test_the_command_retry_ends_the_back_off(
    locked: Locked, log: PredictionLogger, capsys: pytest.CaptureFixture[str]
) -> None:
    locked.correct()

    assert 0 == main(["retry"])

    awaited(locked.settings, 1)
    assert "logs in again" in capsys.readouterr().out
    assert 1 == locked.attempts
    assert 0 == main(["retry"])
    assert "no service" in capsys.readouterr().out
    log.close()
    assert not list(locked.settings.spool_dir.iterdir())


def test_the_check_at_the_start_counts_as_the_first_login(locked: Locked) -> None:
    check = StartupCheck(locked.settings)
    eventually(lambda: not check.is_running, STORED_WITHIN_S)
    log = PredictionLogger(locked.settings, check.refused_login)

    log.open()

    log.record([prediction()])
    eventually(partial(is_shown, 1), STORED_WITHIN_S)
    assert locked.has_backoff()
    locked.correct()
    log.retry_login()
    awaited(locked.settings, 1)
    log.close()
    assert 1 == locked.attempts


@pytest.mark.usefixtures("log")
def test_the_command_setup_ends_the_back_off(
    locked: Locked, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked.correct()
    monkeypatch.setenv("DATABASE_URL", locked.url_of_owner)

    assert 0 == main(["setup"])

    awaited(locked.settings, 1)


@pytest.mark.usefixtures("log")
def test_the_command_status_shows_when_the_next_login_is(
    locked: Locked, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", locked.url_of_owner)

    main(["status"])

    assert "login refused:     retry in" in capsys.readouterr().out


@pytest.mark.usefixtures("log")
def test_a_new_service_logs_in_at_once(locked: Locked) -> None:
    locked.correct()

    with logging_to(locked.settings):
        awaited(locked.settings, 1)


def test_a_missing_database_is_retried_without_the_back_off_of_logins(
    locked: Locked, caplog: pytest.LogCaptureFixture
) -> None:
    url = make_url(locked.url_of_owner).set(database="nowhere")
    settings = locked.settings.model_copy(update={"database_url": SecretStr(str(url))})

    with logging_to(settings) as log:
        log.record([prediction()])
        eventually(lambda: caplog.records, STORED_WITHIN_S)
        assert not locked.has_backoff()
        execute(locked.server, "CREATE DATABASE nowhere")
        awaited(settings, 1)

    assert "until this is fixed" in caplog.messages[0]


def test_a_server_without_the_required_encryption_is_logged_as_a_permanent_failure(
    locked: Locked, caplog: pytest.LogCaptureFixture
) -> None:
    url = f"{locked.url_of_owner}?sslmode=require"
    settings = locked.settings.model_copy(update={"database_url": SecretStr(url)})

    with logging_to(settings):
        eventually(lambda: caplog.records, STORED_WITHIN_S)

    (message,) = caplog.messages
    assert "until this is fixed" in message
    assert not locked.has_backoff()
