"""Record predictions and read them back, in any database."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, inspect, select

from db.database.engine import make_engine
from db.database.schema import METRICS
from db.prediction import Prediction
from db.prediction_logger import PredictionLogger
from db.settings import DatabaseSettings
from db.writing.insertion import COLUMNS
from tests.support.server import eventually

STORED_WITHIN_S = 20  # the promise is 2 s on a quiet machine


@contextmanager
def connected(settings: DatabaseSettings) -> Iterator[Connection]:
    """Connect as the service does."""
    engine = make_engine(settings)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def stored(settings: DatabaseSettings) -> list[Prediction]:
    """Return all rows, none if there is no table."""
    with connected(settings) as connection:
        if not inspect(connection).has_table(METRICS.name):
            return []
        rows = connection.execute(select(*(METRICS.c[name] for name in COLUMNS))).mappings().all()
    return [Prediction(**row) for row in rows]


def awaited(settings: DatabaseSettings, count: int) -> list[Prediction]:
    """Return all rows once there are ``count``. Raises AssertionError if there are more."""
    rows = eventually(lambda: len(found := stored(settings)) >= count and found, STORED_WITHIN_S)
    assert rows
    assert count == len(rows)
    return rows


@contextmanager
def logging_to(settings: DatabaseSettings) -> Iterator[PredictionLogger]:
    """Open a prediction logger, and close it at the end."""
    log = PredictionLogger(settings)
    log.open()
    try:
        yield log
    finally:
        log.close()
