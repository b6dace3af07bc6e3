"""Count stored rows and spooled rows, and list or requeue dead letters."""

import logging
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Engine, func, select

from db.database.foreign_tables import reject_foreign_tables
from db.database.schema import METRICS
from db.spool.file import QueueDepth, SpooledRow, SpoolFile, files_in

T = TypeVar("T")

logger = logging.getLogger(__name__)


def count_stored_rows(engine: Engine) -> int:
    """Return the number of rows in the database. Raises DBAPIError, or ForeignTableError."""
    with engine.connect() as connection:
        reject_foreign_tables(connection)
        return connection.scalar(select(func.count()).select_from(METRICS)) or 0


def spool_depth(folder: Path) -> QueueDepth:
    """Return the depth of a spool folder, over the files of all processes."""
    return sum(_map_files(folder, SpoolFile.depth), QueueDepth())


def dead_letters(folder: Path) -> list[SpooledRow]:
    """Return the rows that the database refused, of all processes."""
    return [row for rows in _map_files(folder, SpoolFile.dead_letters) for row in rows]


def requeue_dead_letters(folder: Path) -> int:
    """Requeue all dead letters; return their number.

    A running service writes them within two seconds, else the next one that starts.
    """
    return sum(_map_files(folder, SpoolFile.requeue))


def _map_files(folder: Path, action: Callable[[SpoolFile], T]) -> list[T]:
    results = []
    for path in files_in(folder):
        try:
            with closing(SpoolFile(path, lock=None)) as file:
                results.append(action(file))
        except sqlite3.Error as error:
            if path.exists():  # else its owner has deleted it, as it does with an empty one
                logger.warning("spool file %s cannot be read: %s", path, error)
    return results
