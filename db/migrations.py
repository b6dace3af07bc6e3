"""Bring a database to the schema that this code writes, one numbered step after another.

The row of a step in `schema_version` is inserted first, in the step's own transaction: where two
services start at once, its key makes one of them wait and then find the step done.
"""

import logging
from collections.abc import Callable
from typing import Any, TypeAlias

from sqlalchemy import Column, Connection, Engine, func, insert, inspect, select, text
from sqlalchemy.exc import DBAPIError

from db.failures import Failure, kind_of, sqlstate
from db.ownership import check_tables
from db.prediction import utc_now
from db.schema import METRICS, SCHEMA_VERSION, TRAINING_RUNS

ATTEMPTS = 3  # others may be about to take the same step

Step: TypeAlias = Callable[[Connection], None]

logger = logging.getLogger(__name__)


def create_metrics(connection: Connection) -> None:
    """Create the table of predictions; databases from before there were steps have it."""
    METRICS.create(connection, checkfirst=True)


def create_training_runs(connection: Connection) -> None:
    """Create the table of training runs."""
    TRAINING_RUNS.create(connection, checkfirst=True)


def tell_when_rows_were_written(connection: Connection) -> None:
    """Add `recorded_at` to a table of predictions that lacks it."""
    _add_to_metrics(connection, METRICS.c.recorded_at)


def mark_truncated_texts(connection: Connection) -> None:
    """Add `truncated` to a table of predictions that lacks it."""
    _add_to_metrics(connection, METRICS.c.truncated)


# What was released is never changed; a change of the schema is a step of its own at the end,
# and the first one, which makes new databases, is kept able to run before it.
STEPS: tuple[Step, ...] = (
    create_metrics,
    create_training_runs,
    tell_when_rows_were_written,
    mark_truncated_texts,
)


def migrate(engine: Engine, steps: tuple[Step, ...] = STEPS) -> None:
    """Take the steps that a database has not taken yet.

    Raises DBAPIError where the login may not, or the database is away, and ForeignTableError,
    before anything is changed, if tables of another program have our names.
    """
    with engine.connect() as connection:
        check_tables(connection)
    transactional = engine
    if engine.dialect.name == "mssql":  # where the engine is one of single statements
        transactional = engine.execution_options(isolation_level="READ COMMITTED")
    failures = 0
    while (version := schema_version(engine)) < len(steps):
        try:
            with transactional.begin() as connection:
                _take(connection, version, steps)
        except DBAPIError as error:
            failures += 1
            if _is_away(error) or (schema_version(engine) == version and failures == ATTEMPTS):
                raise
    with transactional.begin() as connection:
        METRICS.create(connection, checkfirst=True)  # it may have been dropped


def schema_version(engine: Engine) -> int:
    """Return the number of steps that a database has taken. Raises DBAPIError."""
    with engine.connect() as connection:
        if not inspect(connection).has_table(SCHEMA_VERSION.name):
            return 0
        return connection.scalar(select(func.coalesce(func.max(SCHEMA_VERSION.c.version), 0))) or 0


def _is_away(error: DBAPIError) -> bool:
    """Tell whether another attempt is useless now; after a deadlock (class 40) it is not."""
    state = sqlstate(error.orig) or ""
    return kind_of(error) is Failure.TRANSIENT and not state.startswith("40")


def _add_to_metrics(connection: Connection, column: Column[Any]) -> None:
    if column.name not in {known["name"] for known in inspect(connection).get_columns("metrics")}:
        kind = column.type.compile(connection.dialect)
        connection.execute(text(f"ALTER TABLE metrics ADD {column.name} {kind}"))


def _take(connection: Connection, version: int, steps: tuple[Step, ...]) -> None:
    if version == 0:
        SCHEMA_VERSION.create(connection, checkfirst=True)
    connection.execute(insert(SCHEMA_VERSION).values(version=version + 1, applied_at=utc_now()))
    steps[version](connection)
    logger.info("the database's schema is now at version %d", version + 1)
