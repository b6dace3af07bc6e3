"""Databases on the SQL Server that the environment names."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from db.settings import SetupSettings
from tests.support.sql_server import SQLServerDatabase, driver_variables, variables_or_skip
from tests.support.stored import connected
from tests.support.tds.drivers import DRIVERS


@pytest.fixture(name="database_by_driver", params=DRIVERS)
def fixture_database_by_driver(request: pytest.FixtureRequest) -> Iterator[SQLServerDatabase]:
    """Set up a database, once for each driver."""
    with SQLServerDatabase(variables_or_skip() | driver_variables(request.param)) as database:
        yield database


@pytest.fixture(name="database")
def fixture_database() -> Iterator[SQLServerDatabase]:
    """Set up a database, with the service's default driver."""
    with SQLServerDatabase(variables_or_skip()) as database:
        yield database


@pytest.fixture(name="microsoft_database")
def fixture_microsoft_database(database: SQLServerDatabase) -> SQLServerDatabase:
    """Set up a database on Microsoft's server; skip other servers with its protocol."""
    with connected(database.settings()) as connection:
        version = str(connection.exec_driver_sql("SELECT @@VERSION").scalar())
    if not version.startswith("Microsoft SQL Server"):
        pytest.skip(f"not Microsoft's server: {version.splitlines()[0]}")
    return database


@pytest.fixture(name="new_database")
def fixture_new_database() -> Iterator[SQLServerDatabase]:
    """Name a database that does not exist, and drop it afterwards."""
    database = SQLServerDatabase(variables_or_skip())
    yield database
    database.drop()


@pytest.fixture(name="settings")
def fixture_settings(database_by_driver: SQLServerDatabase, tmp_path: Path) -> SetupSettings:
    """Return settings with the database and a spool, once for each driver."""
    return database_by_driver.settings().model_copy(update={"spool_dir": tmp_path / "spool"})
