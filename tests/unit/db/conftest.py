"""Databases for the tests of the prediction log, each empty."""

import ssl
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine

from db.database.engine import make_engine
from db.settings import DatabaseSettings
from db.spool.spool import Spool
from tests.support.postgres import PostgreSQL, running_or_skipped
from tests.support.spools import OpenSpool
from tests.support.tds.certificate import make_tls_context

NUMBERS = count()


@pytest.fixture(name="postgresql", scope="session")
def fixture_postgresql() -> Iterator[PostgreSQL]:
    """Start a PostgreSQL server."""
    with running_or_skipped() as server:
        yield server


@pytest.fixture(name="tls", scope="session")
def fixture_tls(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """Make a certificate for stand-ins of SQL Server."""
    return make_tls_context(tmp_path_factory.mktemp("tls"))


@pytest.fixture(autouse=True)
def patient_close(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have what is spooled written at the end, however slow the machine is."""
    monkeypatch.setattr("db.prediction_logger.DRAIN_TIMEOUT_S", 60)


@pytest.fixture(name="settings", params=["sqlite", "postgresql"])
def fixture_settings(request: pytest.FixtureRequest, tmp_path: Path) -> DatabaseSettings:
    """Name an empty database and an empty spool."""
    if request.param == "sqlite":
        return on_sqlite(tmp_path)
    server: PostgreSQL = request.getfixturevalue("postgresql")
    name = f"test_{next(NUMBERS)}"
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    url = server.environment()["DATABASE_URL"].rpartition("/")[0]
    return DatabaseSettings(database_url=f"{url}/{name}", spool_dir=tmp_path / "spool")


@pytest.fixture(name="engine")
def fixture_engine(settings: DatabaseSettings) -> Iterator[Engine]:
    """Connect to the database as one who may change its tables."""
    engine = make_engine(settings)
    yield engine
    engine.dispose()


@pytest.fixture(name="sqlite")
def fixture_sqlite(tmp_path: Path) -> DatabaseSettings:
    """Name a SQLite file in a folder that is not there yet, and an empty spool."""
    return on_sqlite(tmp_path)


def on_sqlite(folder: Path) -> DatabaseSettings:
    """Return the settings of a SQLite file and a spool in a folder."""
    return DatabaseSettings(
        database_url=f"sqlite:///{folder}/data/predictions.sqlite3", spool_dir=folder / "spool"
    )


@pytest.fixture(name="spool_folder")
def fixture_spool_folder(tmp_path: Path) -> Path:
    """Name a folder that is not there yet."""
    return tmp_path / "data" / "spool"


@pytest.fixture(name="open_spool")
def fixture_open_spool(spool_folder: Path) -> Iterator[OpenSpool]:
    """Give a function that opens a spool in the folder, as a process does at its start."""
    opened: list[Spool] = []

    def open_spool(max_rows: int = 100_000, max_bytes: int = 100_000_000) -> Spool:
        opened.append(Spool(spool_folder, max_rows, max_bytes))
        return opened[-1]

    yield open_spool
    for spool in opened:
        spool.close()


@pytest.fixture(name="spool")
def fixture_spool(open_spool: OpenSpool) -> Spool:
    """Open a spool."""
    return open_spool()
