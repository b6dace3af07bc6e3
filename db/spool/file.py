"""One file of the spool: rows that wait for the database, in SQLite.

A file belongs to the one process that holds its lock, and to nobody once that process is dead.
Programs that only look, or replay quarantined rows, are guests and need no lock.
"""

import sqlite3
import time
from collections.abc import Collection, Generator, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias
from uuid import uuid4

from db.spool.lock import SpoolLock
from db.spool.preallocation import preallocate
from db.spool.recovery import BUSY_TIMEOUT_S, WRITE_AHEAD_SUFFIXES, decoded, readable_bodies

SUFFIX = ".spool"
RESERVE_BYTES = (1 << 20, 1 << 19, 1 << 18)  # as much as there is

# FULL: a commit is on the disk when it returns, so that a power cut loses nothing either. macOS
# leaves it in the disk's own cache unless it is asked by fullfsync, which other systems ignore.
# FAST: no page is written only to blank it, or deleting rows takes as much room as they do.
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
    refused TEXT                 -- why the database refuses this very row: it is quarantined
);
CREATE INDEX IF NOT EXISTS quarantine ON spool (position) WHERE refused IS NOT NULL;
CREATE TABLE IF NOT EXISTS probe (written_s REAL);
"""


RowLocation: TypeAlias = tuple[Path, int]
"""A row's file, and its position there."""


@dataclass(frozen=True, slots=True)
class SpooledRow:
    """A row in its file; ``body`` is the prediction as a JSON object."""

    file: "SpoolFile"
    position: int
    body: str
    refused: str | None = None

    @property
    def place(self) -> RowLocation:
        """Return where the row is spooled."""
        return self.file.path, self.position

    @property
    def wire_bytes(self) -> int:
        """Return how many bytes of a statement the row takes, by the encoding that needs more.

        SQL Server is sent UTF-16, PostgreSQL UTF-8.
        """
        return max(len(self.body.encode("utf-16-le")), len(self.body.encode()))


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """How much is spooled; ``oldest_s`` is when the oldest pending row was, None without one."""

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
        """Return how many seconds the oldest row has waited, 0 without one."""
        return 0.0 if self.oldest_s is None else max(0.0, time.time() - self.oldest_s)


class SpoolFile:
    """An open spool file. Its methods raise sqlite3.Error, and are not for several threads."""

    def __init__(self, path: Path, lock: SpoolLock | None) -> None:
        """Open a file with its lock, or as a guest, who does not create what is not there."""
        self.path = path
        self._lock = lock
        self._reserve = path.with_suffix(".reserve")
        mode = "rw" if lock is None else "rwc"
        self._connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={mode}",
            uri=True,
            timeout=BUSY_TIMEOUT_S,
            isolation_level=None,
            check_same_thread=False,
        )
        self._connection.text_factory = decoded  # a damaged row is the writer's to refuse
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
        """Create a file of its own for this process. Raises OSError too, and leaves nothing."""
        folder.mkdir(parents=True, exist_ok=True)
        lock = None
        while lock is None:  # where others start too, they may take a new lock for a dead process's
            path = folder / f"{uuid4().hex}{SUFFIX}"
            lock = SpoolLock.take(path)
        try:
            return cls(path, lock)
        except BaseException:
            _delete(path)
            lock.delete()
            lock.release()
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

    def oldest(
        self, limit: int, max_bytes: int, without: Collection[RowLocation] = ()
    ) -> list[SpooledRow]:
        """Return the rows that wait for the database, oldest first.

        There are no more than ``limit``, and all but the first together take no more than
        ``max_bytes`` on the wire; rows at the places ``without`` are passed over.
        """
        rows: list[SpooledRow] = []
        with closing(self._select("refused IS NULL ORDER BY position")) as waiting:
            for row in waiting:
                if row.place in without:
                    continue
                max_bytes -= row.wire_bytes
                if len(rows) == limit or (rows and max_bytes < 0):
                    break
                rows.append(row)
        return rows

    def dead_letters(self) -> list[SpooledRow]:
        """Return the rows that the database refuses."""
        return list(self._select("refused IS NOT NULL ORDER BY position"))

    def remove(self, rows: Sequence[SpooledRow]) -> None:
        """Forget rows that are in the database."""
        with self._transaction():
            removed = self._connection.executemany(
                "DELETE FROM spool WHERE position = ?", ((row.position,) for row in rows)
            ).rowcount
        if removed == len(rows):
            self.rows -= removed
            self.bytes -= sum(size_of(row.body) for row in rows)
        else:
            self._count()

    def dead_letter(self, row: SpooledRow, reason: str) -> None:
        """Keep a row out of the way of the others."""
        self._connection.execute(
            "UPDATE spool SET refused = ? WHERE position = ?", (reason, row.position)
        )

    def requeue(self) -> int:
        """Have the writer try all quarantined rows again; return how many there are."""
        statement = "UPDATE spool SET refused = NULL WHERE refused IS NOT NULL"
        return self._connection.execute(statement).rowcount

    def depth(self) -> QueueDepth:
        """Return how much is spooled in this file."""
        (dead_letters,) = self._connection.execute(
            "SELECT count(*) FROM spool WHERE refused IS NOT NULL"
        ).fetchone()
        oldest = self._connection.execute(
            "SELECT spooled_s FROM spool WHERE refused IS NULL ORDER BY position LIMIT 1"
        ).fetchone()
        return QueueDepth(self.rows - dead_letters, dead_letters, oldest and oldest[0])

    def probe(self) -> None:
        """Write and commit something. Raises sqlite3.Error where that is not possible."""
        with self._transaction():
            self._connection.execute("DELETE FROM probe")
            self._connection.execute("INSERT INTO probe VALUES (?)", (time.time(),))

    def hold_reserve(self) -> None:
        """Take room on the disk, if there is any: on a full one even deleting rows needs some."""
        if self._reserve.exists():
            return
        for size in RESERVE_BYTES:
            try:
                preallocate(self._reserve, size)
                return
            except OSError:
                self.release_reserve()

    def release_reserve(self) -> None:
        """Give that room back."""
        self._reserve.unlink(missing_ok=True)

    def shrink(self) -> None:
        """Take no more of the disk than the rows need: not for pages that are free, nor a log."""
        empty_log = "PRAGMA wal_checkpoint(TRUNCATE)"
        for statement in (empty_log, "PRAGMA incremental_vacuum", empty_log):
            self._connection.execute(statement).fetchall()

    def is_in_place(self) -> bool:
        """Tell whether the file is still there: what is written to a deleted file is lost."""
        try:
            return self.path.stat().st_ino == self._inode
        except FileNotFoundError:
            return False

    def readable_bodies(self) -> list[str]:
        """Read all rows that can be read, if some pages of the file cannot."""
        return list(readable_bodies(self._connection))

    def close(self) -> None:
        """Close the file and let go of it; where no row is left, delete it."""
        is_empty = self._lock is not None and self._is_empty()
        self._connection.close()
        if self._lock is None:
            return
        with suppress(NotADirectoryError):  # somebody has removed the whole folder
            self.release_reserve()
            if is_empty:
                _delete(self.path)
                self._lock.delete()
        self._lock.release()

    def abandon(self) -> None:
        """Close a file that was set aside, and delete its lock."""
        self._connection.close()
        if self._lock is not None:
            self.release_reserve()
            self._lock.delete()
            self._lock.release()

    def _count(self) -> None:
        self.rows, self.bytes = self._connection.execute(
            "SELECT count(*), coalesce(sum(length(CAST(body AS BLOB))), 0) FROM spool"
        ).fetchone()

    def _is_empty(self) -> bool:
        """Look into the file itself, since what holds rows is never to be deleted."""
        try:
            return self._connection.execute("SELECT 1 FROM spool LIMIT 1").fetchone() is None
        except sqlite3.Error:
            return False

    def _select(self, condition: str) -> Generator[SpooledRow, None, None]:
        """Yield rows one by one: all that wait together may be larger than the memory."""
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
    """Return how many bytes of the spool's bound a row takes."""
    return len(body.encode())


def files_in(folder: Path) -> list[Path]:
    """Return the spool files of a folder, whoever they belong to."""
    return sorted(folder.glob(f"*{SUFFIX}"))


def _delete(path: Path) -> None:
    for suffix in (*WRITE_AHEAD_SUFFIXES, ""):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
