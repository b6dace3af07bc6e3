"""The database that benchmarks record in."""

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
"""The mark of a database that benchmarks fill: they have found it empty."""


def engine_of(url: str) -> Engine:
    """Prepare connections as the service does. Raises SettingsError."""
    # with defaults for all else, whatever the environment says
    try:
        return make_engine(DatabaseSettings.model_construct(database_url=SecretStr(url)))
    except SettingsError as error:
        raise SettingsError(VARIABLE, "cannot be used", str(error)) from error


def claim(url: str) -> None:
    """Mark a database as the benchmarks' own.

    Raises SettingsError if it already holds predictions that no benchmark has made.
    """
    engine = engine_of(url)
    try:
        with engine.begin() as connection:
            if inspect(connection).has_table(CLAIM.name):
                return
            if rows := _count(connection):
                raise SettingsError(
                    VARIABLE,
                    f"names a database that holds {rows} prediction(s) of others",
                    "Name an empty database: benchmarks write some 100,000 rows into it",
                )
            CLAIM.create(connection)
    finally:
        engine.dispose()


def sqlite_url(folder: Path) -> str:
    """Return the URL of a SQLite file in a folder."""
    return f"sqlite:///{folder.absolute()}/predictions.sqlite3"


def count_rows(url: str) -> int:
    """Return how many predictions are recorded, 0 where there is no table yet."""
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
