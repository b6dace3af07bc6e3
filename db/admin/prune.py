"""Delete old rows."""

import re
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Engine, and_, delete, func, or_, select
from sqlalchemy.exc import DBAPIError

from db.database.foreign_tables import reject_foreign_tables
from db.database.schema import METRICS
from db.prediction import utc_now
from db.writing.errors import error_message

# From 5,000 locks in a statement on, SQL Server locks the whole table, which blocks the writer.
MAX_ROWS_PER_TRANSACTION = 1000
RETRY_INTERVAL = timedelta(minutes=10)
"""After a failure: frequent attempts could lock a refused login."""
UNITS = {"d": "days", "h": "hours", "m": "minutes"}


def parse_age(text: str) -> timedelta:
    """Parse an age such as ``90d``, ``12h`` or ``30m``. Raises ValueError."""
    match = re.fullmatch(r"(\d+)([dhm])", text)
    if match is None:
        raise ValueError(f"{text!r} is not an age: write 90d, 12h or 30m")
    try:
        age = timedelta(**{UNITS[match[2]]: int(match[1])})
        _ = utc_now() - age
    except OverflowError as error:
        raise ValueError(f"{text!r} is before the year 1") from error
    return age


def prune(engine: Engine, older_than: timedelta, log: Callable[[str], None]) -> int:
    """Delete rows of that age in small transactions; log the progress, return their number.

    Raises ForeignTableError before any change if the table is another program's, and DBAPIError;
    rows deleted before the error stay deleted.
    """
    with engine.connect() as connection:
        reject_foreign_tables(connection)
    before = utc_now() - older_than
    deleted = 0
    while count := _delete_oldest(engine, before):
        deleted += count
        log(f"deleted {deleted} rows")
    return deleted


def keep_pruning(
    run: Callable[[], None],
    every: timedelta,
    log: Callable[[str], None],
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Prune now and at each interval until the process ends; log and retry failures."""
    while True:
        pause = every
        try:
            run()
        except DBAPIError as error:
            pause = min(every, RETRY_INTERVAL)
            log(f"pruning failed: {error_message(error)}; next attempt in {pause}")
        sleep(pause.total_seconds())


def _delete_oldest(engine: Engine, before: datetime) -> int:
    """Delete up to MAX_ROWS_PER_TRANSACTION of the oldest rows, one range; return their number."""
    is_old = METRICS.c.timestamp < before
    first_kept = (
        select(METRICS.c.timestamp, METRICS.c.id)
        .where(is_old)
        .order_by(METRICS.c.timestamp, METRICS.c.id)
        .offset(MAX_ROWS_PER_TRANSACTION)
        .limit(1)
    )
    with engine.begin() as connection:
        bound = connection.execute(first_kept).one_or_none()
        range_ = is_old if bound is None else _sorts_before(bound.timestamp, bound.id)
        # not every driver reports the number of deleted rows
        count = connection.scalar(select(func.count()).select_from(METRICS).where(range_)) or 0
        connection.execute(delete(METRICS).where(range_))
        return count


def _sorts_before(timestamp: datetime, prediction_id: object) -> ColumnElement[bool]:
    return and_(
        METRICS.c.timestamp <= timestamp,
        or_(METRICS.c.timestamp < timestamp, METRICS.c.id < prediction_id),
    )
