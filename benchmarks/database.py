"""The database that benchmarks record in."""

from pathlib import Path

from pydantic import SecretStr
from sqlalchemy import Engine, func, inspect, select

from db.engine import make_engine
from db.schema import METRICS
from db.settings import DatabaseSettings


def engine_of(url: str) -> Engine:
    """Prepare connections as the service does. Raises SettingsError."""
    # with defaults for all else, whatever the environment says
    return make_engine(DatabaseSettings.model_construct(database_url=SecretStr(url)))


def sqlite_url(folder: Path) -> str:
    """Return the URL of a SQLite file in a folder."""
    return f"sqlite:///{folder.absolute()}/predictions.sqlite3"


def count_rows(url: str) -> int:
    """Return how many predictions are recorded, 0 where there is no table yet."""
    engine = engine_of(url)
    try:
        with engine.connect() as connection:
            if not inspect(connection).has_table(METRICS.name):
                return 0
            return connection.scalar(select(func.count()).select_from(METRICS)) or 0
    finally:
        engine.dispose()
