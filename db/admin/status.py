"""How the prediction log is doing: what is stored, what waits, what is refused."""

import logging
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Engine, func, select

from db.database.ownership import check_tables
from db.database.schema import METRICS
from db.spool.file import QueueDepth, SpooledRow, SpoolFile, files_in

T = TypeVar("T")

logger = logging.getLogger(__name__)


def stored_rows(engine: Engine) -> int:
    """Count the rows in the database. Raises DBAPIError, or ForeignTableError."""
    with engine.connect() as connection:
        check_tables(connection)
        return connection.scalar(select(func.count()).select_from(METRICS)) or 0


def spool_depth(folder: Path) -> QueueDepth:
    """Return how much is spooled in a folder, by whatever process."""
    return sum(_of_each_file(folder, SpoolFile.depth), QueueDepth())


def dead_letters(folder: Path) -> list[SpooledRow]:
    """Return the rows that the database refused, of whatever process."""
    return [row for rows in _of_each_file(folder, SpoolFile.dead_letters) for row in rows]


def requeue_dead_letters(folder: Path) -> int:
    """Have all of them tried again; return how many there are.

    A running service does that within a second or two, otherwise the next one that starts.
    """
    return sum(_of_each_file(folder, SpoolFile.requeue))


def _of_each_file(folder: Path, action: Callable[[SpoolFile], T]) -> list[T]:
    results = []
    for path in files_in(folder):
        try:
            with closing(SpoolFile(path, lock=None)) as file:
                results.append(action(file))
        except sqlite3.Error as error:
            if path.exists():  # else its owner has deleted it: it was empty
                logger.warning("spool file %s cannot be read: %s", path, error)
    return results
