"""Fixtures of empty databases: SQLite, PostgreSQL and, on request, SQL Server.

Tests of the fixtures `settings` or `engine` run on SQLite and PostgreSQL; those with the decorator
EVERY_DATABASE run on SQL Server too if TEST_SQL_SERVER is 1.
"""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine

from db.database.engine import make_engine
from db.settings import SetupSettings
from tests.support.postgres import PostgreSQL, running_or_skipped
from tests.support.sql_server import SQLServerDatabase, driver_variables, variables_or_skip
from tests.support.tds.drivers import DRIVERS

NUMBERS = count()
SQL_SERVER = "SQL Server by "

EVERY_DATABASE = pytest.mark.parametrize(
    "settings",
    [
        "sqlite",
        "postgresql",
        *(pytest.param(SQL_SERVER + driver, marks=pytest.mark.sqlserver) for driver in DRIVERS),
    ],
    indirect=True,
)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test of SQL Server, before its fixtures, unless the environment asks for it."""
    if item.get_closest_marker("sqlserver") is not None:
        variables_or_skip()


@pytest.fixture(name="postgresql", scope="session")
def fixture_postgresql() -> Iterator[PostgreSQL]:
    """Start a PostgreSQL server."""
    with running_or_skipped() as server:
        yield server


@pytest.fixture(name="sqlite")
def fixture_sqlite(tmp_path: Path) -> SetupSettings:
    """Return settings with a SQLite file and a spool, neither of which exists."""
    return SetupSettings(
        database_url=f"sqlite:///{tmp_path}/data/predictions.sqlite3", spool_dir=tmp_path / "spool"
    )


@pytest.fixture(name="settings", params=["sqlite", "postgresql"])
def fixture_settings(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SetupSettings]:
    """Return settings with an empty database and a spool.

    On SQL Server, the tables exist, since the service's login may not create them.
    """
    if request.param == "sqlite":
        yield request.getfixturevalue("sqlite")
    elif request.param == "postgresql":
        server: PostgreSQL = request.getfixturevalue("postgresql")
        name = f"test_{next(NUMBERS)}"
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        url = server.environment()["DATABASE_URL"].rpartition("/")[0]
        yield SetupSettings(database_url=f"{url}/{name}", spool_dir=tmp_path / "spool")
    else:
        driver = driver_variables(request.param.removeprefix(SQL_SERVER))
        with SQLServerDatabase(variables_or_skip() | driver) as database:
            yield database.settings().model_copy(update={"spool_dir": tmp_path / "spool"})


@pytest.fixture(name="engine")
def fixture_engine(settings: SetupSettings) -> Iterator[Engine]:
    """Connect to the database as its administrator."""
    engine = make_engine(settings, settings.admin_url())
    yield engine
    engine.dispose()
