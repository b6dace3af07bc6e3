"""Bring a database to the schema that this code writes, one numbered step after another.

The row of a step in `schema_version` is inserted first, in the step's own transaction: where two
services start at once, its key makes one of them wait and then find the step done.
"""

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from sqlalchemy import Column, Connection, Engine, insert, inspect, select, text
from sqlalchemy.exc import DBAPIError

from db.database.layout import LAYOUT, Step, takes_long
from db.database.ownership import check_tables
from db.database.schema import METRICS, SCHEMA_VERSION, TRAINING_RUNS
from db.prediction import utc_now
from db.writing.errors import ErrorKind, classify, sqlstate
from db.writing.failure_log import message_of

ATTEMPTS = 3  # others may be about to take the same step

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
# and the first one, which makes new databases, is kept able to run before it. No step relies on one
# of LAYOUT, which may be left out.
STEPS: tuple[Step, ...] = (
    create_metrics,
    create_training_runs,
    tell_when_rows_were_written,
    mark_truncated_texts,
    *LAYOUT,
)


def _warn(line: str) -> None:
    logger.warning("%s", line)


def migrate(
    engine: Engine,
    steps: tuple[Step, ...] = STEPS,
    say: Callable[[str], None] = _warn,
    patient: Engine | None = None,
) -> None:
    """Take the steps that a database has not taken yet.

    Those of `db.database.layout` are left out, and tried again by the next call, if they fail;
    ``say`` is told which and why. On a table of over MAX_REWRITTEN_ROWS rows they need an
    engine that waits as long as they take, ``patient``. Raises DBAPIError if the login may not,
    or the database is away, and ForeignTableError, before anything is changed, if tables of
    another program have our names.
    """
    with engine.connect() as connection:
        check_tables(connection)
    transactional = _transactional(engine)
    taken = _taken(engine)
    if taken:
        _create_metrics_again(transactional, say)
    for number, step in enumerate(steps, 1):
        if number in taken:
            continue
        if step not in LAYOUT:
            _take(transactional, number, step)
        elif not takes_long(step, engine):
            _try(step, partial(_take, transactional, number, step), say)
        elif patient is None:
            say(f"{LAYOUT[step].without}, until `python -m db setup` rewrites the table")
        else:
            say(f"rewriting a large table, which may take an hour ({step.__name__})")
            _try(step, partial(_take, _transactional(patient), number, step), say)


def _transactional(engine: Engine) -> Engine:
    """Return the engine with transactions: SQL Server's is one of single statements."""
    if engine.dialect.name != "mssql":
        return engine
    return engine.execution_options(isolation_level="READ COMMITTED")


def schema_version(engine: Engine) -> int:
    """Return the number of the latest step that a database has taken. Raises DBAPIError."""
    return max(_taken(engine), default=0)


def _taken(engine: Engine) -> set[int]:
    with engine.connect() as connection:
        if not inspect(connection).has_table(SCHEMA_VERSION.name):
            return set()
        return set(connection.scalars(select(SCHEMA_VERSION.c.version)))


def _create_metrics_again(engine: Engine, say: Callable[[str], None]) -> None:
    """Create the table of predictions if it has been dropped."""
    with engine.begin() as connection:
        if inspect(connection).has_table(METRICS.name):
            return
        METRICS.create(connection)
    for step in LAYOUT:
        _try(step, partial(_run, engine, step), say)


def _try(step: Step, action: Callable[[], None], say: Callable[[str], None]) -> None:
    try:
        action()
    except DBAPIError as error:
        say(f"{LAYOUT[step].without}: {message_of(error)}")


def _run(engine: Engine, step: Step) -> None:
    with engine.begin() as connection:
        step(connection)


def _take(engine: Engine, number: int, step: Step) -> None:
    failures = 0
    while number not in _taken(engine):
        try:
            with engine.begin() as connection:
                SCHEMA_VERSION.create(connection, checkfirst=True)
                row = {"version": number, "applied_at": utc_now()}
                connection.execute(insert(SCHEMA_VERSION).values(row))
                step(connection)
        except DBAPIError as error:
            failures += 1
            if _is_away(error) or (failures == ATTEMPTS and number not in _taken(engine)):
                raise
        else:
            logger.info("the database's schema is now at version %d", number)


def _is_away(error: DBAPIError) -> bool:
    """Tell whether another attempt is useless now; after a deadlock (class 40) it is not."""
    state = sqlstate(error.orig) or ""
    return classify(error) is ErrorKind.TRANSIENT and not state.startswith("40")


def _add_to_metrics(connection: Connection, column: Column[Any]) -> None:
    if column.name not in {known["name"] for known in inspect(connection).get_columns("metrics")}:
        kind = column.type.compile(connection.dialect)
        connection.execute(text(f"ALTER TABLE metrics ADD {column.name} {kind}"))
