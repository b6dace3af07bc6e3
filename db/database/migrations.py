"""Bring a database to this version's schema by numbered migrations.

A migration first inserts its row into `schema_version`, in its own transaction: if two services
start at once, the primary key makes one of them wait and then find the migration applied.
"""

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from sqlalchemy import Column, Connection, Engine, insert, inspect, select, text
from sqlalchemy.exc import DBAPIError

from db.database.foreign_tables import reject_foreign_tables
from db.database.index_migrations import OPTIONAL_MIGRATIONS, Migration, is_slow
from db.database.schema import METRICS, SCHEMA_VERSION, TRAINING_RUNS
from db.prediction import utc_now
from db.writing.errors import ErrorKind, classify, error_message, sqlstate

ATTEMPTS = 3  # another service may be applying the same migration

logger = logging.getLogger(__name__)


def create_metrics(connection: Connection) -> None:
    """Create the table of predictions; databases older than migrations have it."""
    METRICS.create(connection, checkfirst=True)


def create_training_runs(connection: Connection) -> None:
    """Create the table of training runs."""
    TRAINING_RUNS.create(connection, checkfirst=True)


def add_recorded_at(connection: Connection) -> None:
    """Add the column `recorded_at` to the table of predictions."""
    _add_to_metrics(connection, METRICS.c.recorded_at)


def add_truncated(connection: Connection) -> None:
    """Add the column `truncated` to the table of predictions."""
    _add_to_metrics(connection, METRICS.c.truncated)


# Never change a released migration: append a new one. `create_metrics` makes new databases with the
# current columns, so each migration must also pass on those. None may depend on an optional one.
MIGRATIONS: tuple[Migration, ...] = (
    create_metrics,
    create_training_runs,
    add_recorded_at,
    add_truncated,
    *OPTIONAL_MIGRATIONS,
)


def _warn(line: str) -> None:
    logger.warning("%s", line)


def migrate(
    engine: Engine,
    migrations: tuple[Migration, ...] = MIGRATIONS,
    log: Callable[[str], None] = _warn,
    slow_engine: Engine | None = None,
) -> None:
    """Apply the migrations that a database lacks.

    An optional migration that fails is logged, skipped, and tried again by the next call. On a
    table of more than MAX_ROWS_AT_STARTUP rows, optional migrations need ``slow_engine``, with a
    long timeout. Raises DBAPIError if the login may not change tables or the database is down, and
    ForeignTableError, before any change, if another program's tables have our names.
    """
    with engine.connect() as connection:
        reject_foreign_tables(connection)
    transactional = _with_transactions(engine)
    applied = _applied_versions(engine)
    if applied:
        _recreate_metrics(transactional, log)
    for version, migration in enumerate(migrations, 1):
        if version in applied:
            continue
        if migration not in OPTIONAL_MIGRATIONS:
            _apply(transactional, version, migration)
        elif not is_slow(migration, engine):
            _try(migration, partial(_apply, transactional, version, migration), log)
        elif slow_engine is None:
            log(f"{OPTIONAL_MIGRATIONS[migration].drawback}: run `python -m db setup`")
        else:
            log(f"migrating a large table, which may take an hour ({migration.__name__})")
            _try(
                migration, partial(_apply, _with_transactions(slow_engine), version, migration), log
            )


def schema_version(engine: Engine) -> int:
    """Return the version of the latest applied migration, 0 if none. Raises DBAPIError."""
    return max(_applied_versions(engine), default=0)


def _with_transactions(engine: Engine) -> Engine:
    """Return the engine without autocommit, which is the default for SQL Server."""
    if engine.dialect.name != "mssql":
        return engine
    return engine.execution_options(isolation_level="READ COMMITTED")


def _applied_versions(engine: Engine) -> set[int]:
    with engine.connect() as connection:
        if not inspect(connection).has_table(SCHEMA_VERSION.name):
            return set()
        return set(connection.scalars(select(SCHEMA_VERSION.c.version)))


def _recreate_metrics(engine: Engine, log: Callable[[str], None]) -> None:
    """Create the table of predictions if it was dropped."""
    with engine.begin() as connection:
        if inspect(connection).has_table(METRICS.name):
            return
        METRICS.create(connection)
    for migration in OPTIONAL_MIGRATIONS:
        _try(migration, partial(_run, engine, migration), log)


def _try(migration: Migration, action: Callable[[], None], log: Callable[[str], None]) -> None:
    try:
        action()
    except DBAPIError as error:
        log(f"{OPTIONAL_MIGRATIONS[migration].drawback}: {error_message(error)}")


def _run(engine: Engine, migration: Migration) -> None:
    with engine.begin() as connection:
        migration(connection)


def _apply(engine: Engine, version: int, migration: Migration) -> None:
    failures = 0
    while version not in _applied_versions(engine):
        try:
            with engine.begin() as connection:
                SCHEMA_VERSION.create(connection, checkfirst=True)
                row = {"version": version, "applied_at": utc_now()}
                connection.execute(insert(SCHEMA_VERSION).values(row))
                migration(connection)
        except DBAPIError as error:
            failures += 1
            if _is_down(error):
                raise
            if failures == ATTEMPTS and version not in _applied_versions(engine):
                raise
        else:
            logger.info("migrated the database to schema version %d", version)


def _is_down(error: DBAPIError) -> bool:
    """Return whether a retry is useless now; after a deadlock (class 40) it is not."""
    state = sqlstate(error.orig) or ""
    return classify(error) is ErrorKind.TRANSIENT and not state.startswith("40")


def _add_to_metrics(connection: Connection, column: Column[Any]) -> None:
    if column.name not in {known["name"] for known in inspect(connection).get_columns("metrics")}:
        column_type = column.type.compile(connection.dialect)
        connection.execute(text(f"ALTER TABLE metrics ADD {column.name} {column_type}"))
