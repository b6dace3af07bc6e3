"""The ring for SQL Server: it needs one, and variables that name it and its administrator.

It creates and deletes databases and logins of its own, and leaves all others alone. But it loads
the server, so give it one for tests.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from db.database import odbc
from db.database.engine import make_engine
from db.settings import DatabaseSettings
from tests.fault_injection import conftest as faults
from tests.support.sql_server import SQLServerDatabase
from tests.support.stored import connected

VARIABLES = dict(os.environ)  # before a fixture takes the developer's own out of the tests

# The fault tests that are imported here want these.
fixture_bento_home = faults.fixture_bento_home
fixture_chance = faults.fixture_chance
fixture_make_service = faults.fixture_make_service
fixture_proxy = faults.fixture_proxy
fixture_report = faults.fixture_report
fixture_small_disk = faults.fixture_small_disk
fixture_small_home = faults.fixture_small_home


@pytest.fixture(name="server", params=["Microsoft", "FreeTDS"])
def fixture_server(request: pytest.FixtureRequest) -> Iterator[SQLServerDatabase]:
    """Set up a database, once for each driver."""
    wants_freetds = request.param == "FreeTDS"
    driver = odbc.choose_driver("FreeTDS" if wants_freetds else None)
    if driver is None or odbc.is_freetds(driver) != wants_freetds:
        pytest.skip(f"{request.param}'s driver is not to be had here")
    with SQLServerDatabase(VARIABLES | {"SQL_DRIVER": driver}) as database:
        yield database


@pytest.fixture(name="database")
def fixture_database() -> Iterator[SQLServerDatabase]:
    """Set up a database, reached with the driver that the service chooses."""
    with SQLServerDatabase(VARIABLES) as database:
        yield database


@pytest.fixture(name="microsofts")
def fixture_microsofts(database: SQLServerDatabase) -> SQLServerDatabase:
    """Skip on a server that only speaks the protocol: how it stores rows is its own affair."""
    with connected(database.settings()) as connection:
        version = str(connection.exec_driver_sql("SELECT @@VERSION").scalar())
    if not version.startswith("Microsoft SQL Server"):
        pytest.skip(f"this is not Microsoft's own server, but {version.splitlines()[0]}")
    return database


@pytest.fixture(name="settings")
def fixture_settings(server: SQLServerDatabase, tmp_path: Path) -> DatabaseSettings:
    """Name the database, as the service's login, and an empty spool."""
    return server.settings().model_copy(update={"spool_dir": tmp_path / "spool"})


@pytest.fixture(name="engine")
def fixture_engine(server: SQLServerDatabase) -> Iterator[Engine]:
    """Connect to the database as its administrator."""
    settings = server.settings()
    engine = make_engine(settings, settings.admin_url())
    yield engine
    engine.dispose()
