"""The spool of one process: a file of its own, and those that dead processes left over."""

import logging
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from db.spool_file import (
    Depth,
    SpooledRow,
    SpoolFile,
    bodies_of_damaged,
    files_in,
    is_damaged,
    lock_of,
    locked,
    reserve_of,
    set_aside,
    speaks_of_damage,
)

logger = logging.getLogger(__name__)
T = TypeVar("T")


class SpoolError(Exception):
    """Rows could not be spooled; none of them was. The text is fit for clients."""


class SpoolFullError(SpoolError):
    """There is no room for more rows until the database has taken some."""


class Spool:
    """What is to be written to the database, safe from a killed process.

    All methods may be called by several threads.
    """

    def __init__(self, folder: Path, max_rows: int, max_bytes: int) -> None:
        """Take a file in ``folder``. Raises OSError or sqlite3.Error where that cannot be done.

        No more than ``max_rows`` rows of ``max_bytes`` bytes together are held.
        """
        self._folder = folder
        self._max_rows = max_rows
        self._max_bytes = max_bytes
        self._lock = threading.RLock()
        self._left_over: list[SpoolFile] = []
        self._release_reserves()
        self._own = SpoolFile.create(folder)
        self._own.hold_reserve()
        self.adopt()

    def append(self, bodies: Sequence[str]) -> None:
        """Store rows, JSON objects in ASCII, in one transaction.

        Raises SpoolError, and stores none.
        """
        with self._lock, _told_to_clients():
            self._check_room(len(bodies), sum(map(len, bodies)))
            self._keep_own_in_place()
            self._repairing(lambda: self._own.append(bodies))

    def oldest(self, limit: int) -> list[SpooledRow]:
        """Return up to ``limit`` rows that wait, those of dead processes first."""
        with self._lock:
            return self._repairing(lambda: self._oldest(limit))

    def remove(self, rows: Sequence[SpooledRow]) -> None:
        """Forget rows that are in the database. Raises sqlite3.Error, and forgets none then."""
        with self._lock:
            for file in {row.file for row in rows}:
                self._remove(file, [row for row in rows if row.file is file])
            self._own.hold_reserve()

    def quarantine(self, row: SpooledRow, reason: str) -> None:
        """Keep a row that the database refuses, out of the way of the others."""
        with self._lock:
            row.file.quarantine(row, reason)

    def depth(self) -> Depth:
        """Return how much is spooled."""
        with self._lock:
            return sum((file.depth() for file in self._files()), Depth())

    def check(self) -> None:
        """Write something. Raises SpoolError where rows could not be spooled now."""
        with self._lock, _told_to_clients():
            self._check_room(1, 1)
            self._keep_own_in_place()
            self._repairing(self._probe)

    def adopt(self) -> None:
        """Take over the files of dead processes; set damaged ones aside, their rows saved."""
        with self._lock:
            for path in files_in(self._folder):
                if (lock := locked(path)) is not None:
                    try:
                        self._adopt(path, lock)
                    except (sqlite3.Error, SpoolError, OSError):
                        logger.exception("spool file %s cannot be taken over now", path)
                        os.close(lock)

    def close(self) -> None:
        """Close all files and let go of them; what they hold stays."""
        with self._lock:
            for file in self._files():
                file.close()

    def _files(self) -> list[SpoolFile]:
        return [*self._left_over, self._own]

    def _probe(self) -> None:
        self._own.probe()

    def _oldest(self, limit: int) -> list[SpooledRow]:
        rows: list[SpooledRow] = []
        for file in self._files():
            rows += file.oldest(limit - len(rows))
        return rows

    def _remove(self, file: SpoolFile, rows: Sequence[SpooledRow]) -> None:
        try:
            file.remove(rows)
        except sqlite3.Error:  # most likely for want of room
            self._own.release_reserve()
            file.remove(rows)
        if file.rows == 0 and file in self._left_over:
            self._left_over.remove(file)
            file.close()

    def _check_room(self, rows: int, size: int) -> None:
        if sum(file.rows for file in self._files()) + rows > self._max_rows:
            raise SpoolFullError(f"the spool is full: it holds {self._max_rows} rows at most")
        if sum(file.bytes for file in self._files()) + size > self._max_bytes:
            raise SpoolFullError(f"the spool is full: it holds {self._max_bytes} bytes at most")

    def _adopt(self, path: Path, lock: int) -> None:
        if not path.exists():  # its owner has deleted it since it was listed
            lock_of(path).unlink()
            os.close(lock)
        elif is_damaged(path):
            self._save_from(path, bodies_of_damaged(path))
            os.close(lock)
        else:
            file = SpoolFile(path, lock)
            if file.rows == 0:
                file.close()
                return
            self._left_over.append(file)
            logger.info("took over %d spooled row(s) that a process left in %s", file.rows, path)

    def _release_reserves(self) -> None:
        """Give back the room that dead processes held: on a full disk, a start needs it."""
        for path in files_in(self._folder):
            if (lock := locked(path)) is not None:
                reserve_of(path).unlink(missing_ok=True)
                os.close(lock)

    def _keep_own_in_place(self) -> None:
        if not self._own.is_in_place():
            self._repair()

    def _repairing(self, action: Callable[[], T]) -> T:
        """Act, if need be once more after replacing the files that turn out to be damaged."""
        try:
            return action()
        except sqlite3.Error as error:
            if not speaks_of_damage(error):
                raise
            self._repair()
            return action()

    def _repair(self) -> None:
        for file in self._files():
            if not file.is_in_place() or is_damaged(file.path):
                self._replace(file)

    def _replace(self, file: SpoolFile) -> None:
        if file is self._own:
            self._own = SpoolFile.create(self._folder)
        else:
            self._left_over.remove(file)
        self._save_from(file.path, list(file.readable_bodies()))
        file.close()

    def _save_from(self, damaged: Path, bodies: Sequence[str]) -> None:
        """Copy rows before their file gets its other name: a kill between the two loses none."""
        self._own.append(bodies)
        aside = set_aside(damaged)
        logger.error(
            "spool file %s is damaged or was removed: %d readable row(s) saved, set aside as %s",
            damaged,
            len(bodies),
            aside,
        )


@contextmanager
def _told_to_clients() -> Iterator[None]:
    """Turn the errors of files into SpoolError."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
            raise SpoolFullError("the disk of the spool is full") from error
        raise SpoolError("the spool cannot be written") from error
