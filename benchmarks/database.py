"""The database that benchmarks record into."""

from pathlib import Path

from pydantic import SecretStr
from sqlalchemy import (
    Column,
    Connection,
    DateTime,
    Engine,
    MetaData,
    Table,
    func,
    inspect,
    select,
)

from db.database.engine import make_engine
from db.database.schema import METRICS
from db.settings import DatabaseSettings, SettingsError

VARIABLE = "BENCH_DATABASE_URL"
CLAIM = Table("benchmark_database", MetaData(), Column("claimed", DateTime, nullable=False))
"""Marks a database for benchmarks alone: it was empty when they first used it."""


def engine_of(url: str) -> Engine:
    """Return an engine as the service makes it, with default settings. Raises SettingsError."""
    try:
        return make_engine(DatabaseSettings.model_construct(database_url=SecretStr(url)))
    except SettingsError as error:
        raise SettingsError(VARIABLE, "cannot be used", str(error)) from error


def claim(url: str) -> None:
    """Mark a database for benchmarks alone.

    Raises SettingsError if it holds predictions that are not from benchmarks.
    """
    engine = engine_of(url)
    try:
        with engine.begin() as connection:
            if inspect(connection).has_table(CLAIM.name):
                return
            if rows := _count(connection):
                raise SettingsError(
                    VARIABLE,
                    f"names a database with {rows} prediction(s) that are not from benchmarks",
                    "Name an empty database: benchmarks write some 100,000 rows into it",
                )
            CLAIM.create(connection)
    finally:
        engine.dispose()


def sqlite_url(folder: Path) -> str:
    """Return the URL of a SQLite file in a folder."""
    return f"sqlite:///{folder.absolute()}/predictions.sqlite3"


def count_rows(url: str) -> int:
    """Return the number of recorded predictions, 0 if there is no table yet."""
    engine = engine_of(url)
    try:
        with engine.connect() as connection:
            return _count(connection)
    finally:
        engine.dispose()


def _count(connection: Connection) -> int:
    if not inspect(connection).has_table(METRICS.name):
        return 0
    return connection.scalar(select(func.count()).select_from(METRICS)) or 0
