"""The spool of one process: a file of its own, and those that dead processes left over."""

import logging
import sqlite3
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from db.spool import lock as spool_lock
from db.spool.file import SUFFIX, QueueDepth, RowLocation, SpooledRow, SpoolFile, files_in, size_of
from db.spool.lock import SpoolLock
from db.spool.recovery import bodies_of_damaged, is_corruption, is_damaged, set_aside

MAX_BATCH_BYTES = 4_000_000  # of rows read at once, as they go over the wire: 3 s at 10 Mbit/s

logger = logging.getLogger(__name__)
T = TypeVar("T")


class SpoolError(Exception):
    """The spool could not do what it was asked, and has not. The text is fit for clients."""


class SpoolFullError(SpoolError):
    """There is no room for more rows until the database has taken some."""


class Spool:
    """What is to be written to the database, safe from a killed process.

    All methods may be called by several threads, and raise SpoolError.
    """

    def __init__(self, folder: Path, max_rows: int, max_bytes: int) -> None:
        """Take a file in ``folder``. Raises OSError or sqlite3.Error where that cannot be done.

        No more than ``max_rows`` rows of ``max_bytes`` bytes together are held.
        """
        self.folder = folder
        self._max_rows = max_rows
        self._max_bytes = max_bytes
        self._lock = threading.RLock()
        self._is_closed = False
        self._left_over: list[SpoolFile] = []
        self._tidy()
        self._own = SpoolFile.create(folder)
        self.claim_orphans()
        self._own.hold_reserve()

    def append(self, bodies: Sequence[str]) -> None:
        """Store rows, JSON objects, in one transaction, or none."""
        with self._lock, _as_spool_error():
            self._check_room(len(bodies), sum(map(size_of, bodies)))
            self._repairing(lambda: self._own.append(bodies))

    def oldest(
        self, limit: int, max_bytes: int = MAX_BATCH_BYTES, without: Collection[RowLocation] = ()
    ) -> list[SpooledRow]:
        """Return up to ``limit`` rows that wait, those of dead processes first.

        On the wire they take about ``max_bytes`` at most, or are a single row. Rows at the places
        ``without`` are passed over.
        """
        with self._lock, _as_spool_error():
            return self._repairing(lambda: self._oldest(limit, max_bytes, without))

    def remove(self, rows: Sequence[SpooledRow]) -> None:
        """Forget rows that are in the database; on an error, some may be forgotten all the same."""
        with self._lock, _as_spool_error():
            for file in {row.file for row in rows}:
                self._remove(file, [row for row in rows if row.file is file])
            self._own.hold_reserve()

    def dead_letter(self, row: SpooledRow, reason: str) -> None:
        """Keep a row that the database refuses, out of the way of the others."""
        with self._lock, _as_spool_error():
            row.file.dead_letter(row, reason)

    def depth(self) -> QueueDepth:
        """Return how much is spooled."""
        with self._lock, _as_spool_error():
            return self._repairing(lambda: sum((f.depth() for f in self._files()), QueueDepth()))

    def used(self) -> float:
        """Return the share of the bound that is used, in rows or bytes, whichever is larger."""
        with self._lock:
            rows, size = self._held()
            return max(rows / self._max_rows, size / max(self._max_bytes, 1))

    def check(self) -> None:
        """Write something: where that fails, rows could not be spooled now."""
        with self._lock, _as_spool_error():
            self._check_room(1, 1)
            self._repairing(self._probe)

    def claim_orphans(self) -> None:
        """Take over the files of dead processes; set damaged ones aside, their rows saved.

        Raises nothing: what cannot be taken over now is left for the next time.
        """
        try:
            paths = files_in(self.folder)
        except OSError:
            logger.exception("the spool's folder cannot be read now")
            return
        for path in paths:
            try:
                if (lock := SpoolLock.take(path)) is not None:
                    self._claim_orphan(path, lock)
            except (sqlite3.Error, OSError):
                logger.exception("spool file %s cannot be taken over now", path)

    def close(self) -> None:
        """Close all files and let go of them; what they hold stays."""
        with self._lock:
            self._is_closed = True
            for file in self._files():
                file.close()

    def _files(self) -> list[SpoolFile]:
        return [*self._left_over, self._own]

    def _probe(self) -> None:
        self._own.probe()

    def _oldest(
        self, limit: int, max_bytes: int, without: Collection[RowLocation]
    ) -> list[SpooledRow]:
        rows: list[SpooledRow] = []
        for file in self._files():
            rest_bytes = max_bytes - sum(row.wire_bytes for row in rows)
            if len(rows) == limit or (rows and rest_bytes <= 0):
                break
            try:
                rows += file.oldest(limit - len(rows), rest_bytes, without)
            except sqlite3.Error as error:
                if file is self._own or is_corruption(error) or _is_full(error):
                    raise
                logger.exception("spool file %s cannot be read now", file.path)
                self._left_over.remove(file)
                file.close()  # so that it is looked at again by `claim_orphans`
        return rows

    def _remove(self, file: SpoolFile, rows: Sequence[SpooledRow]) -> None:
        try:
            file.remove(rows)
        except sqlite3.Error as error:
            if is_corruption(error):
                self._repair()  # what could be read is written again, and found to be there
                raise
            self._make_room()
            file.remove(rows)
        if file.rows == 0 and file in self._left_over:
            self._left_over.remove(file)
            file.close()

    def _check_room(self, rows: int, size: int) -> None:
        held_rows, held_bytes = self._held()
        if held_rows + rows > self._max_rows:
            raise SpoolFullError(f"the spool is full: it holds {self._max_rows} rows at most")
        if held_bytes + size > self._max_bytes:
            raise SpoolFullError(f"the spool is full: it holds {self._max_bytes} bytes at most")

    def _held(self) -> tuple[int, int]:
        files = self._files()
        return sum(file.rows for file in files), sum(file.bytes for file in files)

    def _tidy(self) -> None:
        """Delete what dead processes left beside their rows: on a full disk, a start needs room."""
        for path in self.folder.glob(f"*{spool_lock.SUFFIX}"):
            with suppress(OSError):  # another user's, which is not in the way
                if (lock := SpoolLock.take(path)) is not None:
                    path.with_suffix(".reserve").unlink(missing_ok=True)
                    if not path.with_suffix(SUFFIX).exists():
                        lock.delete()
                    lock.release()

    def _claim_orphan(self, path: Path, lock: SpoolLock) -> None:
        """Look at the file while others go on; nobody else has its lock."""
        try:
            if not path.exists():  # its owner has deleted it since it was listed
                lock.delete()
                lock.release()
            elif is_damaged(path):
                self._save(path, bodies_of_damaged(path))
                lock.delete()
                lock.release()
            else:
                self._take_over(SpoolFile(path, lock))
        except BaseException:
            lock.release()
            raise

    def _take_over(self, file: SpoolFile) -> None:
        if file.rows == 0:
            file.close()
            return
        with self._lock:
            self._left_over.append(file)
        logger.info("took over %d spooled row(s) that a process left in %s", file.rows, file.path)

    def _repairing(self, action: Callable[[], T]) -> T:
        """Act, if need be once more after making room or replacing files damaged or gone."""
        if self._is_closed:
            raise SpoolError("the service is ending")
        if not self._own.is_in_place():
            self._repair()
        try:
            return action()
        except sqlite3.Error as error:
            if _is_full(error):
                self._make_room()
                self._own.hold_reserve()
            elif is_corruption(error):
                self._repair()
            else:
                raise
            return action()

    def _make_room(self) -> None:
        """Give the reserve back, and have all files shrink, which on a full disk they never do."""
        self._own.release_reserve()
        for file in self._files():
            with suppress(sqlite3.Error):  # what is tried next tells
                file.shrink()

    def _repair(self) -> None:
        for file in (self._own, *self._left_over):  # whose rows go into the former
            if not file.is_in_place() or is_damaged(file.path):
                self._replace(file)

    def _replace(self, file: SpoolFile) -> None:
        if file is self._own:
            self._own = SpoolFile.create(self.folder)
            self._left_over.append(file)  # until its rows are saved
        self._save(file.path, file.readable_bodies())
        self._left_over.remove(file)
        file.abandon()

    def _save(self, damaged: Path, bodies: Sequence[str]) -> None:
        """Copy rows before their file gets its other name: a kill between the two loses none."""
        with self._lock:
            self._own.append(bodies)
        aside = set_aside(damaged)
        logger.error(
            "spool file %s is damaged or was removed: %d readable row(s) saved, set aside as %s",
            damaged,
            len(bodies),
            aside,
        )


@contextmanager
def _as_spool_error() -> Iterator[None]:
    """Turn the errors of files into SpoolError."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        if _is_full(error):
            raise SpoolFullError("the disk of the spool is full") from error
        raise SpoolError("the spool cannot be written") from error


def _is_full(error: Exception) -> bool:
    return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
