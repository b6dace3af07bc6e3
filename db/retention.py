"""Forget what is old."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Engine, delete, select

from db.ownership import check_tables
from db.prediction import utc_now
from db.schema import METRICS

# SQL Server locks the whole table from 5,000 locks in a statement on, and the writer would wait.
ROWS_AT_ONCE = 1000
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
    while count := _delete_some(engine, before):
        deleted += count
        say(f"deleted {deleted} rows")
    return deleted


def _delete_some(engine: Engine, before: datetime) -> int:
    oldest = (
        select(METRICS.c.id)
        .where(METRICS.c.timestamp < before)
        .order_by(METRICS.c.timestamp)
        .limit(ROWS_AT_ONCE)
    )
    with engine.begin() as connection:
        ids = connection.scalars(oldest).all()  # counted here: not every driver counts for us
        connection.execute(delete(METRICS).where(METRICS.c.id.in_(ids)))
        return len(ids)
