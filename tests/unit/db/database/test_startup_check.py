"""The startup check finds foreign tables, and does not wait for a database that is down."""

import socket
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from db.database.migrations import migrate
from db.database.startup_check import StartupCheck
from db.settings import DatabaseSettings
from tests.support.foreign_tables import FOREIGN
from tests.support.server import eventually
from tests.support.stored import STORED_WITHIN_S


@pytest.fixture(name="silent_port")
def fixture_silent_port() -> Iterator[int]:
    """Return a port that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def test_foreign_tables_are_found(engine: Engine, settings: DatabaseSettings) -> None:
    FOREIGN["flyway"].table.create(engine)

    check = StartupCheck(settings)

    found = eventually(check.result, STORED_WITHIN_S)
    assert FOREIGN["flyway"].difference in str(found)


def test_our_own_tables_pass(engine: Engine, settings: DatabaseSettings) -> None:
    migrate(engine)

    check = StartupCheck(settings)

    eventually(lambda: not check.is_running, STORED_WITHIN_S)
    assert check.result() is None


def test_a_database_that_is_down_passes(sqlite: DatabaseSettings) -> None:
    away = sqlite.model_copy(
        update={"database_url": "postgresql+psycopg://nobody@127.0.0.1:9/nothing"}
    )

    check = StartupCheck(DatabaseSettings.model_validate(away.model_dump()))

    eventually(lambda: not check.is_running, STORED_WITHIN_S)
    assert check.result() is None


def test_a_database_that_never_answers_is_not_waited_for(silent_port: int) -> None:
    url = f"postgresql+psycopg://nobody@127.0.0.1:{silent_port}/nothing"

    check = StartupCheck(DatabaseSettings(database_url=url, database_timeout_s=5))

    assert check.result() is None
    assert check.is_running
