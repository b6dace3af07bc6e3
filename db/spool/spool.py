"""The spool of one process: its own file, and the orphaned files of processes that died."""

import logging
import sqlite3
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from filelock import FileLock

from db.spool import lock as spool_lock
from db.spool.file import (
    RESERVE_SUFFIX,
    SUFFIX,
    QueueDepth,
    RowLocation,
    SpooledRow,
    SpoolFile,
    files_in,
    size_of,
)
from db.spool.lock import delete_lock, try_lock
from db.spool.recovery import is_corrupt, is_corruption, recover_file, set_aside

MAX_BATCH_BYTES = 4_000_000  # of one `peek`, on the wire: 3 s at 10 Mbit/s

logger = logging.getLogger(__name__)
T = TypeVar("T")


class SpoolError(Exception):
    """A spool operation failed and changed nothing. The text may be shown to clients."""


class SpoolFullError(SpoolError):
    """The spool has no room until the database has taken some rows."""


class Spool:
    """A durable outbox: rows that wait for the database and survive a killed process.

    Thread-safe. All methods raise SpoolError unless they say otherwise.
    """

    def __init__(self, folder: Path, max_rows: int, max_bytes: int) -> None:
        """Create a file in ``folder`` and claim orphans. Raises OSError or sqlite3.Error.

        The spool takes at most ``max_rows`` rows of ``max_bytes`` bytes in all.
        """
        self.folder = folder
        self._max_rows = max_rows
        self._max_bytes = max_bytes
        self._lock = threading.RLock()
        self._is_closed = False
        self._orphans: list[SpoolFile] = []
        self._delete_stale_reserves()
        self._own = SpoolFile.create(folder)
        self.claim_orphans()
        self._own.reserve.ensure()

    def append(self, bodies: Sequence[str]) -> None:
        """Store rows, JSON objects, in one transaction: all or none."""
        with self._lock, _as_spool_error():
            self._check_room(len(bodies), sum(map(size_of, bodies)))
            self._with_repair(lambda: self._own.append(bodies))

    def peek(
        self, limit: int, max_bytes: int = MAX_BATCH_BYTES, exclude: Collection[RowLocation] = ()
    ) -> list[SpooledRow]:
        """Return pending rows without removing them: orphans first, then the oldest.

        Returns at most ``limit`` rows, of about ``max_bytes`` on the wire unless the first row is
        larger, and none at the locations ``exclude``.
        """
        with self._lock, _as_spool_error():
            return self._with_repair(lambda: self._peek(limit, max_bytes, exclude))

    def remove(self, rows: Sequence[SpooledRow]) -> None:
        """Delete rows that are in the database. After an error, some of them may be deleted."""
        with self._lock, _as_spool_error():
            for file in {row.file for row in rows}:
                self._remove(file, [row for row in rows if row.file is file])
            self._own.reserve.ensure()

    def dead_letter(self, row: SpooledRow, reason: str) -> None:
        """Keep a row that the database refuses as a dead letter."""
        with self._lock, _as_spool_error():
            row.file.dead_letter(row, reason)

    def depth(self) -> QueueDepth:
        """Return how many rows are in the spool."""
        with self._lock, _as_spool_error():
            return self._with_repair(lambda: sum((f.depth() for f in self._files()), QueueDepth()))

    def used_ratio(self) -> float:
        """Return the used share of the limit, in rows or bytes, whichever is larger."""
        with self._lock:
            rows, size = self._held()
            return max(rows / self._max_rows, size / max(self._max_bytes, 1))

    def check_writable(self) -> None:
        """Check with a small write that rows can be spooled now."""
        with self._lock, _as_spool_error():
            self._check_room(1, 1)
            self._with_repair(self._probe)

    def claim_orphans(self) -> None:
        """Take over the files of dead processes; recover the rows of corrupt ones.

        Never raises: what fails now is tried again by the next call.
        """
        try:
            paths = files_in(self.folder)
        except OSError:
            logger.exception("the spool folder %s cannot be read now", self.folder)
            return
        for path in paths:
            try:
                if (lock := try_lock(path)) is not None:
                    self._claim_orphan(path, lock)
            except (sqlite3.Error, OSError):
                logger.exception("spool file %s cannot be taken over now", path)

    def close(self) -> None:
        """Close all files and release their locks; pending rows stay on the disk. Never raises."""
        with self._lock:
            self._is_closed = True
            for file in self._files():
                file.close()

    def _files(self) -> list[SpoolFile]:
        return [*self._orphans, self._own]

    def _held(self) -> tuple[int, int]:
        files = self._files()
        return sum(file.rows for file in files), sum(file.bytes for file in files)

    def _check_room(self, rows: int, size: int) -> None:
        held_rows, held_bytes = self._held()
        if held_rows + rows > self._max_rows:
            raise SpoolFullError(f"the spool is full: it holds {self._max_rows} rows at most")
        if held_bytes + size > self._max_bytes:
            raise SpoolFullError(f"the spool is full: it holds {self._max_bytes} bytes at most")

    def _probe(self) -> None:
        self._own.probe()  # of the new file after a repair

    def _peek(
        self, limit: int, max_bytes: int, exclude: Collection[RowLocation]
    ) -> list[SpooledRow]:
        rows: list[SpooledRow] = []
        for file in self._files():
            rest_bytes = max_bytes - sum(row.wire_bytes for row in rows)
            if len(rows) == limit or (rows and rest_bytes <= 0):
                break
            try:
                rows += file.peek(limit - len(rows), rest_bytes, exclude)
            except sqlite3.Error as error:
                if file is self._own or is_corruption(error) or _is_full(error):
                    raise
                logger.exception("spool file %s cannot be read now", file.path)
                self._orphans.remove(file)
                file.close()  # `claim_orphans` will try it again
        return rows

    def _remove(self, file: SpoolFile, rows: Sequence[SpooledRow]) -> None:
        try:
            file.remove(rows)
        except sqlite3.Error as error:
            if is_corruption(error):
                self._repair()  # recovered rows are written again, and found in the database
                raise
            self._free_space()
            file.remove(rows)
        if file.rows == 0 and file in self._orphans:
            self._orphans.remove(file)
            file.close()

    def _with_repair(self, action: Callable[[], T]) -> T:
        """Run an action; if the disk is full or a file corrupt or gone, repair and run it again."""
        if self._is_closed:
            raise SpoolError("the service is shutting down")
        if not self._own.is_in_place():
            self._repair()
        try:
            return action()
        except sqlite3.Error as error:
            if _is_full(error):
                self._free_space()
                self._own.reserve.ensure()
            elif is_corruption(error):
                self._repair()
            else:
                raise
            return action()

    def _free_space(self) -> None:
        """Release the reserve, then shrink all files: on a full disk they cannot shrink without."""
        self._own.reserve.release()
        for file in self._files():
            with suppress(sqlite3.Error):  # the retried action will fail with a better error
                file.shrink()

    def _repair(self) -> None:
        """Replace files that are corrupt or gone; the own file first, since it takes the rows."""
        for file in (self._own, *self._orphans):
            if not file.is_in_place() or is_corrupt(file.path):
                self._replace(file)

    def _replace(self, file: SpoolFile) -> None:
        if file is self._own:
            self._own = SpoolFile.create(self.folder)
            self._orphans.append(file)  # until its rows are recovered
        self._save_recovered(file.path, file.recover_bodies())
        self._orphans.remove(file)
        file.abandon()

    def _save_recovered(self, corrupt: Path, bodies: Sequence[str]) -> None:
        """Copy the rows, then rename their file: a kill in between loses none."""
        with self._lock:
            self._own.append(bodies)
        aside = set_aside(corrupt)
        logger.error(
            "spool file %s is corrupt or missing: %d readable row(s) recovered, file kept as %s",
            corrupt,
            len(bodies),
            aside,
        )

    def _claim_orphan(self, path: Path, lock: FileLock) -> None:
        """Take over one file, whose lock is held, while other threads use the spool."""
        try:
            if not path.exists():  # its owner has just deleted it
                delete_lock(lock)
            elif is_corrupt(path):
                self._save_recovered(path, recover_file(path))
                delete_lock(lock)
            else:
                self._add_orphan(SpoolFile(path, lock))
        except BaseException:
            lock.release()
            raise

    def _add_orphan(self, file: SpoolFile) -> None:
        if file.rows == 0:
            file.close()
            return
        with self._lock:
            self._orphans.append(file)
        logger.info("took over %d spooled row(s) of a dead process in %s", file.rows, file.path)

    def _delete_stale_reserves(self) -> None:
        """Delete the reserves of dead processes: on a full disk, this process needs the space."""
        for path in self.folder.glob(f"*{spool_lock.SUFFIX}"):
            with suppress(OSError):  # of another user
                if (lock := try_lock(path)) is not None:
                    path.with_suffix(RESERVE_SUFFIX).unlink(missing_ok=True)
                    if path.with_suffix(SUFFIX).exists():
                        lock.release()
                    else:
                        delete_lock(lock)


@contextmanager
def _as_spool_error() -> Iterator[None]:
    """Translate sqlite3.Error and OSError into SpoolError, whose text names no path."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        if _is_full(error):
            raise SpoolFullError("the disk of the spool is full") from error
        raise SpoolError("the spool cannot be written") from error


def _is_full(error: Exception) -> bool:
    return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
