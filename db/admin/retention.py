"""Forget what is old."""

import re
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Engine, and_, delete, func, or_, select
from sqlalchemy.exc import DBAPIError

from db.database.ownership import check_tables
from db.database.schema import METRICS
from db.prediction import utc_now
from db.writing.failure_log import message_of

# SQL Server locks the whole table from 5,000 locks in a statement on, and the writer would wait.
ROWS_AT_ONCE = 1000
AGAIN_AFTER = timedelta(minutes=10)
"""When pruning is tried again that has failed; a login that is refused may be locked by many."""
UNITS = {"d": "days", "h": "hours", "m": "minutes"}


def parse_age(text: str) -> timedelta:
    """Read an age such as ``90d``, ``12h`` or ``30m``. Raises ValueError."""
    match = re.fullmatch(r"(\d+)([dhm])", text)
    if match is None:
        raise ValueError(f"{text!r} is no age: write 90d, 12h or 30m")
    try:
        age = timedelta(**{UNITS[match[2]]: int(match[1])})
        _ = utc_now() - age
    except OverflowError as error:
        raise ValueError(f"{text!r} is longer ago than there were dates") from error
    return age


def prune(engine: Engine, older_than: timedelta, say: Callable[[str], None]) -> int:
    """Delete all rows older than that, in small transactions; return how many they were.

    ``say`` is told the progress. Raises DBAPIError, and what was deleted before stays deleted;
    ForeignTableError, before anything is deleted, if the table is another program's.
    """
    with engine.connect() as connection:
        check_tables(connection)
    before = utc_now() - older_than
    deleted = 0
    while count := _delete_oldest(engine, before):
        deleted += count
        say(f"deleted {deleted} rows")
    return deleted


def keep_pruning(
    run: Callable[[], None],
    every: timedelta,
    say: Callable[[str], None],
    wait: Callable[[float], None] = time.sleep,
) -> None:
    """Prune now and every so often, until the process ends; a failure is told, and tried again."""
    while True:
        pause = every
        try:
            run()
        except DBAPIError as error:
            pause = min(every, AGAIN_AFTER)
            say(f"nothing more was deleted: {message_of(error)}; trying again in {pause}")
        wait(pause.total_seconds())


def _delete_oldest(engine: Engine, before: datetime) -> int:
    """Delete the oldest rows, which lie side by side, up to ROWS_AT_ONCE; return their number."""
    old = METRICS.c.timestamp < before
    first_kept = (
        select(METRICS.c.timestamp, METRICS.c.id)
        .where(old)
        .order_by(METRICS.c.timestamp, METRICS.c.id)
        .offset(ROWS_AT_ONCE)
        .limit(1)
    )
    with engine.begin() as connection:
        bound = connection.execute(first_kept).one_or_none()
        range_ = old if bound is None else _is_before(bound.timestamp, bound.id)
        # counted here: not every driver counts for us
        count = connection.scalar(select(func.count()).select_from(METRICS).where(range_)) or 0
        connection.execute(delete(METRICS).where(range_))
        return count


def _is_before(timestamp: datetime, prediction_id: object) -> ColumnElement[bool]:
    """Return the condition of one range, from the beginning up to a row, in their order."""
    return and_(
        METRICS.c.timestamp <= timestamp,
        or_(METRICS.c.timestamp < timestamp, METRICS.c.id < prediction_id),
    )
