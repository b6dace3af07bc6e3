"""A set-up waits for what may come, repeats what another disturbs, and gives up on the rest."""

import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from db.admin import retry as retries
from db.admin.retry import MAX_STEP_ATTEMPTS, SetupError, retry, wait_for_database
from db.database.engine import make_engine
from db.settings import DatabaseSettings
from tests.support.postgres import PostgreSQL
from tests.support.tds.answers import Done
from tests.support.tds.drivers import DRIVERS, find_driver
from tests.support.tds.server import TDSServer

KILL_MYSELF = "SELECT pg_terminate_backend(pg_backend_pid())"


@pytest.fixture(autouse=True)
def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test wait."""
    monkeypatch.setattr(retries, "RETRY_INTERVAL_S", 0.01)
    monkeypatch.setattr(retries, "LOGIN_RETRY_INTERVAL_S", 0.01)


@pytest.fixture(name="engine")
def fixture_engine(postgresql: PostgreSQL) -> Engine:
    """Connect to a real server."""
    return make_engine(DatabaseSettings(database_url=postgresql.environment()["DATABASE_URL"]))


def ask(engine: Engine, statements: list[str]) -> Callable[[], int]:
    """Return a step that executes one of the statements at each attempt."""

    def step() -> int:
        with engine.connect() as connection:
            connection.exec_driver_sql(statements.pop(0))
        return len(statements)

    return step


def test_a_step_whose_connection_another_ends_is_repeated(engine: Engine) -> None:
    left = retry(engine, ask(engine, [KILL_MYSELF, KILL_MYSELF, "SELECT 1", "SELECT 1"]))

    assert 1 == left
    engine.dispose()


def test_a_step_that_fails_for_good_is_not(engine: Engine) -> None:
    statements = ["SELECT * FROM no_such_table", "SELECT 1"]

    with pytest.raises(DBAPIError):
        retry(engine, ask(engine, statements))

    assert ["SELECT 1"] == statements
    engine.dispose()


def test_a_step_is_repeated_a_few_times_only(engine: Engine) -> None:
    statements = [KILL_MYSELF] * (MAX_STEP_ATTEMPTS + 1)

    with pytest.raises(DBAPIError):
        retry(engine, ask(engine, statements))

    assert [KILL_MYSELF] == statements
    engine.dispose()


def test_a_database_that_is_missing_is_asked_for_a_few_times_only(postgresql: PostgreSQL) -> None:
    url = postgresql.environment()["DATABASE_URL"].rpartition("/")[0] + "/no_such_database"
    engine = make_engine(DatabaseSettings(database_url=url))

    with pytest.raises(SetupError, match=r"refused the login 3 times.*does not exist"):
        wait_for_database(engine, lambda _: None)


def test_a_server_that_is_away_is_waited_for_until_the_deadline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(retries, "CONNECT_DEADLINE_S", 0.2)
    engine = make_engine(DatabaseSettings(database_url="postgresql://u:p@127.0.0.1:1/d"))
    told: list[str] = []

    with pytest.raises(SetupError, match=r"^no connection to the database within 0.2 s"):
        wait_for_database(engine, told.append)

    assert 1 == len(told)  # once, though it was tried more often


@pytest.mark.parametrize("name", DRIVERS)
def test_a_certificate_that_is_not_trusted_is_told_with_the_remedy(
    name: str, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    gives_reason = name == "Microsoft"
    monkeypatch.setattr(retries, "CONNECT_DEADLINE_S", 600 if gives_reason else 0.2)
    fields = {"sql_user": "u", "sql_password": "p", "sql_driver": find_driver(name)}
    with TDSServer(tls, lambda _: Done()) as server:
        settings = DatabaseSettings.model_validate(
            fields | {"sql_server": "localhost", "sql_port": server.address[1]}
        )

        with pytest.raises(SetupError, match="SQL_TRUST_SERVER_CERTIFICATE=true"):
            wait_for_database(make_engine(settings), lambda _: None)

        assert not server.logins


def test_a_file_that_cannot_be_opened_is_no_reason_to_wait(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    engine = make_engine(DatabaseSettings(database_url=f"sqlite:///{tmp_path}/folder"))

    with pytest.raises(SetupError, match="unable to open"):
        wait_for_database(engine, lambda _: None)


def test_a_driver_that_cannot_be_loaded_is_no_reason_to_wait() -> None:
    find_driver("FreeTDS")
    url = "mssql+pyodbc://u:p@h/d?driver=No+such+driver"
    told: list[str] = []

    with pytest.raises(SetupError, match=r"No such driver|file not found"):
        wait_for_database(make_engine(DatabaseSettings(database_url=url)), told.append)

    assert not told
