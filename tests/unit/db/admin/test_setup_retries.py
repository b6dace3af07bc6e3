"""A setup waits for a database that may come up, and retries steps that another setup disturbs."""

import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from db.admin import setup_retries
from db.admin.setup_retries import MAX_STEP_ATTEMPTS, SetupError, retry, wait_for_database
from db.database.engine import make_engine
from db.settings import DatabaseSettings
from tests.support.postgres import PostgreSQL
from tests.support.tds.answers import Done
from tests.support.tds.drivers import DRIVERS, find_driver
from tests.support.tds.server import TDSServer

DISCONNECT = "SELECT pg_terminate_backend(pg_backend_pid())"
INVALID = "SELECT * FROM no_such_table"


@pytest.fixture(autouse=True)
def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retry at once."""
    monkeypatch.setattr(setup_retries, "RETRY_INTERVAL_S", 0.01)
    monkeypatch.setattr(setup_retries, "LOGIN_RETRY_INTERVAL_S", 0.01)


@pytest.fixture(name="engine")
def fixture_engine(postgresql: PostgreSQL) -> Iterator[Engine]:
    """Connect to PostgreSQL."""
    engine = make_engine(DatabaseSettings(database_url=postgresql.environment()["DATABASE_URL"]))
    yield engine
    engine.dispose()


def execute_next(engine: Engine, statements: list[str]) -> Callable[[], None]:
    """Return a step that executes the next of the statements at each attempt."""

    def step() -> None:
        with engine.connect() as connection:
            connection.exec_driver_sql(statements.pop(0))

    return step


def test_a_step_whose_connection_another_setup_ends_is_retried(engine: Engine) -> None:
    statements = [DISCONNECT, DISCONNECT, "SELECT 1", "SELECT 1"]

    retry(engine, execute_next(engine, statements))

    assert ["SELECT 1"] == statements


@pytest.mark.parametrize(
    ("statements", "attempts"),
    [([INVALID] * 2, 1), ([DISCONNECT] * (MAX_STEP_ATTEMPTS + 1), MAX_STEP_ATTEMPTS)],
    ids=["that cannot succeed", "that fails too often"],
)
def test_a_step_is_given_up(engine: Engine, statements: list[str], attempts: int) -> None:
    left = list(statements)

    with pytest.raises(DBAPIError):
        retry(engine, execute_next(engine, left))

    assert statements[attempts:] == left


def test_a_missing_database_is_tried_three_times(postgresql: PostgreSQL) -> None:
    url = postgresql.environment()["DATABASE_URL"].rpartition("/")[0] + "/no_such_database"
    engine = make_engine(DatabaseSettings(database_url=url))

    with pytest.raises(SetupError, match=r"refused the login 3 times.*does not exist"):
        wait_for_database(engine, lambda _: None)


def test_a_server_that_is_down_is_waited_for_until_the_deadline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(setup_retries, "CONNECT_DEADLINE_S", 0.2)
    engine = make_engine(DatabaseSettings(database_url="postgresql://u:p@127.0.0.1:1/d"))
    log: list[str] = []

    with pytest.raises(SetupError, match=r"^no connection to the database within 0.2 s"):
        wait_for_database(engine, log.append)

    assert 1 == len(log)  # an error is logged once, however often it recurs


@pytest.mark.parametrize("name", DRIVERS)
def test_the_error_of_an_untrusted_certificate_names_the_remedy(
    name: str, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    gives_reason = name == "Microsoft"
    monkeypatch.setattr(setup_retries, "CONNECT_DEADLINE_S", 600 if gives_reason else 0.2)
    fields = {"sql_user": "u", "sql_password": "p", "sql_driver": find_driver(name)}
    with TDSServer(tls, lambda _: Done()) as server:
        settings = DatabaseSettings.model_validate(
            fields | {"sql_server": "localhost", "sql_port": server.address[1]}
        )

        with pytest.raises(SetupError, match="SQL_TRUST_SERVER_CERTIFICATE=true"):
            wait_for_database(make_engine(settings), lambda _: None)

        assert not server.logins


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("sqlite:///{folder}", "unable to open"),
        ("mssql+pyodbc://u:p@h/d?driver=No+such+driver", r"No such driver|file not found"),
    ],
)
def test_a_file_or_driver_that_cannot_be_opened_is_not_waited_for(
    tmp_path: Path, url: str, problem: str
) -> None:
    find_driver("FreeTDS")
    engine = make_engine(DatabaseSettings(database_url=url.format(folder=tmp_path)))
    log: list[str] = []

    with pytest.raises(SetupError, match=problem):
        wait_for_database(engine, log.append)

    assert not log
