"""One file of the spool: rows that wait for the database, in SQLite.

The process that holds a file's lock owns it; once that process is dead, the file is an orphan.
Programs that only read, or requeue dead letters, need no lock.
"""

import sqlite3
import time
from collections.abc import Collection, Generator, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias
from uuid import uuid4

from filelock import FileLock

from db.spool.lock import delete_lock, try_lock
from db.spool.preallocation import DiskReserve
from db.spool.recovery import BUSY_TIMEOUT_S, WAL_SUFFIXES, decode, recover_bodies

SUFFIX = ".spool"
RESERVE_SUFFIX = ".reserve"

# FULL: a commit is on the disk when it returns, so it survives a power cut. On macOS that needs
# fullfsync, which other systems ignore.
# FAST: with secure_delete = ON, deleting rows would need as much free disk space as they occupy.
PREPARE = """
PRAGMA auto_vacuum = INCREMENTAL;
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA fullfsync = ON;
PRAGMA checkpoint_fullfsync = ON;
PRAGMA secure_delete = FAST;
CREATE TABLE IF NOT EXISTS spool (
    position INTEGER PRIMARY KEY,
    body TEXT NOT NULL,          -- a prediction as a JSON object
    spooled_s REAL NOT NULL,     -- when, in seconds since 1970
    refused TEXT                 -- why the row is a dead letter
);
CREATE INDEX IF NOT EXISTS quarantine ON spool (position) WHERE refused IS NOT NULL;
CREATE TABLE IF NOT EXISTS probe (written_s REAL);
"""


RowLocation: TypeAlias = tuple[Path, int]
"""A row's file, and its position there."""


@dataclass(frozen=True, slots=True)
class SpooledRow:
    """A row in its file: ``body`` is a JSON object, ``refused`` why the row is a dead letter."""

    file: "SpoolFile"
    position: int
    body: str
    refused: str | None = None

    @property
    def location(self) -> RowLocation:
        """Return where the row is spooled."""
        return self.file.path, self.position

    @property
    def wire_bytes(self) -> int:
        """Return the row's size in a statement: as UTF-16 (SQL Server) or UTF-8, the larger."""
        return max(len(self.body.encode("utf-16-le")), len(self.body.encode()))


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """The number of rows in the spool; ``oldest_s`` is when the oldest pending one was spooled."""

    pending: int = 0
    dead_letters: int = 0
    oldest_s: float | None = None

    def __add__(self, other: "QueueDepth") -> "QueueDepth":
        times_s = [time_s for time_s in (self.oldest_s, other.oldest_s) if time_s is not None]
        return QueueDepth(
            self.pending + other.pending,
            self.dead_letters + other.dead_letters,
            min(times_s, default=None),
        )

    @property
    def oldest_age_s(self) -> float:
        """Return how many seconds the oldest row has waited, 0 if there is none."""
        return 0.0 if self.oldest_s is None else max(0.0, time.time() - self.oldest_s)


class SpoolFile:
    """An open spool file. Its methods raise sqlite3.Error and are not thread-safe."""

    def __init__(self, path: Path, lock: FileLock | None) -> None:
        """Open a file with its lock; without one, open an existing file that others may own."""
        self.path = path
        self._lock = lock
        self.reserve = DiskReserve(path.with_suffix(RESERVE_SUFFIX))
        mode = "rw" if lock is None else "rwc"
        self._connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={mode}",
            uri=True,
            timeout=BUSY_TIMEOUT_S,
            isolation_level=None,
            check_same_thread=False,
        )
        self._connection.text_factory = decode  # the writer rejects a damaged row later
        try:
            if lock is not None:
                self._connection.executescript(PREPARE)
            self._inode = path.stat().st_ino
            self._count()
        except BaseException:
            self._connection.close()
            raise

    @classmethod
    def create(cls, folder: Path) -> "SpoolFile":
        """Create a file for this process. Raises OSError too, and then leaves no file behind."""
        folder.mkdir(parents=True, exist_ok=True)
        lock = None
        while lock is None:  # another process that starts may take the new lock for an orphan's
            path = folder / f"{uuid4().hex}{SUFFIX}"
            lock = try_lock(path)
        try:
            return cls(path, lock)
        except BaseException:
            _delete(path)
            delete_lock(lock)
            raise

    def append(self, bodies: Sequence[str]) -> None:
        """Store the rows in one transaction."""
        now_s = time.time()
        with self._transaction():
            self._connection.executemany(
                "INSERT INTO spool (body, spooled_s) VALUES (?, ?)",
                ((body, now_s) for body in bodies),
            )
        self.rows += len(bodies)
        self.bytes += sum(map(size_of, bodies))

    def peek(
        self, limit: int, max_bytes: int, exclude: Collection[RowLocation] = ()
    ) -> list[SpooledRow]:
        """Return the oldest pending rows, except those at the locations ``exclude``.

        Returns at most ``limit`` rows of at most ``max_bytes`` on the wire; the first row may be
        larger.
        """
        rows: list[SpooledRow] = []
        with closing(self._select("refused IS NULL ORDER BY position")) as pending:
            for row in pending:
                if row.location in exclude:
                    continue
                max_bytes -= row.wire_bytes
                if len(rows) == limit or (rows and max_bytes < 0):
                    break
                rows.append(row)
        return rows

    def remove(self, rows: Sequence[SpooledRow]) -> None:
        """Delete rows that are in the database."""
        with self._transaction():
            removed = self._connection.executemany(
                "DELETE FROM spool WHERE position = ?", ((row.position,) for row in rows)
            ).rowcount
        if removed == len(rows):
            self.rows -= removed
            self.bytes -= sum(size_of(row.body) for row in rows)
        else:
            self._count()

    def dead_letters(self) -> list[SpooledRow]:
        """Return the rows that the database refuses."""
        return list(self._select("refused IS NOT NULL ORDER BY position"))

    def dead_letter(self, row: SpooledRow, reason: str) -> None:
        """Keep a row as a dead letter: it is not written again until it is requeued."""
        self._connection.execute(
            "UPDATE spool SET refused = ? WHERE position = ?", (reason, row.position)
        )

    def requeue(self) -> int:
        """Make all dead letters pending again; return their number."""
        statement = "UPDATE spool SET refused = NULL WHERE refused IS NOT NULL"
        return self._connection.execute(statement).rowcount

    def depth(self) -> QueueDepth:
        """Return how many rows are in this file."""
        (dead_letters,) = self._connection.execute(
            "SELECT count(*) FROM spool WHERE refused IS NOT NULL"
        ).fetchone()
        oldest = self._connection.execute(
            "SELECT spooled_s FROM spool WHERE refused IS NULL ORDER BY position LIMIT 1"
        ).fetchone()
        return QueueDepth(self.rows - dead_letters, dead_letters, oldest and oldest[0])

    def probe(self) -> None:
        """Write and commit one value. Raises sqlite3.Error if that fails."""
        with self._transaction():
            self._connection.execute("DELETE FROM probe")
            self._connection.execute("INSERT INTO probe VALUES (?)", (time.time(),))

    def shrink(self) -> None:
        """Return free pages and the write-ahead log's space to the disk."""
        empty_log = "PRAGMA wal_checkpoint(TRUNCATE)"
        for statement in (empty_log, "PRAGMA incremental_vacuum", empty_log):
            self._connection.execute(statement).fetchall()

    def is_in_place(self) -> bool:
        """Return whether the file was not deleted or replaced: later writes would be lost."""
        try:
            return self.path.stat().st_ino == self._inode
        except FileNotFoundError:
            return False

    def recover_bodies(self) -> list[str]:
        """Return the bodies of all rows that can still be read."""
        return list(recover_bodies(self._connection))

    def close(self) -> None:
        """Close the file and release its lock; delete the file if it holds no row."""
        is_empty = self._lock is not None and self._is_empty()
        self._connection.close()
        if self._lock is None:
            return
        with suppress(NotADirectoryError):  # the folder was removed
            self.reserve.release()
            if is_empty:
                _delete(self.path)
                delete_lock(self._lock)
        self._lock.release()

    def abandon(self) -> None:
        """Close a file that was set aside, and delete its lock."""
        self._connection.close()
        if self._lock is not None:
            self.reserve.release()
            delete_lock(self._lock)

    def _count(self) -> None:
        self.rows, self.bytes = self._connection.execute(
            "SELECT count(*), coalesce(sum(length(CAST(body AS BLOB))), 0) FROM spool"
        ).fetchone()

    def _is_empty(self) -> bool:
        """Ask the file itself rather than the counter: a file with rows must not be deleted."""
        try:
            return self._connection.execute("SELECT 1 FROM spool LIMIT 1").fetchone() is None
        except sqlite3.Error:
            return False

    def _select(self, condition: str) -> Generator[SpooledRow, None, None]:
        """Yield rows one by one: all pending rows together may exceed the memory."""
        statement = f"SELECT position, CAST(body AS TEXT), refused FROM spool WHERE {condition}"  # noqa: S608
        with closing(self._connection.execute(statement)) as rows:
            for row in rows:
                yield SpooledRow(self, *row)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise


def size_of(body: str) -> int:
    """Return a row's size in bytes as counted against the spool's limit."""
    return len(body.encode())


def files_in(folder: Path) -> list[Path]:
    """Return all spool files of a folder."""
    return sorted(folder.glob(f"*{SUFFIX}"))


def _delete(path: Path) -> None:
    for suffix in (*WAL_SUFFIXES, ""):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
