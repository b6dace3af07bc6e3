"""One file of the spool: rows that wait for the database, in SQLite.

A file belongs to the one process that holds its lock, and to nobody once that process is dead.
Programs that only look, or replay quarantined rows, need no lock.
"""

import fcntl
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

SUFFIX = ".spool"
WRITE_AHEAD_SUFFIXES = ("-wal", "-shm")
DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
BUSY_TIMEOUT_S = 10
RESERVE_BYTES = (1 << 20, 1 << 19, 1 << 18)  # as much as there is
SALVAGE_ATTEMPTS = 10_000  # failed reads before what is left of a damaged file is given up

# FULL: a commit is on the disk when it returns, so that a power cut loses nothing either.
PREPARE = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
CREATE TABLE IF NOT EXISTS spool (
    position INTEGER PRIMARY KEY,
    body TEXT NOT NULL,          -- a prediction as a JSON object, in ASCII
    spooled_s REAL NOT NULL,     -- when, in seconds since 1970
    refused TEXT                 -- why the database refuses this very row: it is quarantined
);
CREATE INDEX IF NOT EXISTS quarantine ON spool (position) WHERE refused IS NOT NULL;
CREATE TABLE IF NOT EXISTS probe (written_s REAL);
"""


@dataclass(frozen=True, slots=True)
class SpooledRow:
    """A row in its file; ``body`` is the prediction as a JSON object."""

    file: "SpoolFile"
    position: int
    body: str
    refused: str | None = None


@dataclass(frozen=True, slots=True)
class Depth:
    """How much is spooled; ``oldest_s`` is when the oldest waiting row was, None without one."""

    waiting: int = 0
    quarantined: int = 0
    oldest_s: float | None = None

    def __add__(self, other: "Depth") -> "Depth":
        times_s = [time_s for time_s in (self.oldest_s, other.oldest_s) if time_s is not None]
        return Depth(
            self.waiting + other.waiting,
            self.quarantined + other.quarantined,
            min(times_s, default=None),
        )


class SpoolFile:
    """An open spool file. Its methods raise sqlite3.Error, and are not for several threads."""

    def __init__(self, path: Path, lock: int | None) -> None:
        """Open a file; ``lock`` is the descriptor that holds its lock.

        Without a lock it is opened as a guest, and not created where it is not there.
        """
        self.path = path
        self._lock = lock
        self._reserve = reserve_of(path)
        mode = "rw" if lock is None else "rwc"
        self._connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={mode}",
            uri=True,
            timeout=BUSY_TIMEOUT_S,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            if lock is not None:
                self._connection.executescript(PREPARE)
            self._inode = path.stat().st_ino
            self.rows, self.bytes = self._connection.execute(
                "SELECT count(*), coalesce(sum(length(body)), 0) FROM spool"
            ).fetchone()
        except BaseException:
            self._connection.close()
            raise

    @classmethod
    def create(cls, folder: Path) -> "SpoolFile":
        """Create a file of its own for this process."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{uuid4().hex}{SUFFIX}"
        lock = locked(path)
        if lock is None:
            raise FileExistsError(path)
        return cls(path, lock)

    def append(self, bodies: Sequence[str]) -> None:
        """Store the rows in one transaction."""
        now_s = time.time()
        with self._transaction():
            self._connection.executemany(
                "INSERT INTO spool (body, spooled_s) VALUES (?, ?)",
                ((body, now_s) for body in bodies),
            )
        self.rows += len(bodies)
        self.bytes += sum(map(len, bodies))

    def oldest(self, limit: int) -> list[SpooledRow]:
        """Return the rows that wait for the database, oldest first."""
        return self._select("refused IS NULL ORDER BY position LIMIT ?", limit)

    def quarantined(self) -> list[SpooledRow]:
        """Return the rows that the database refuses."""
        return self._select("refused IS NOT NULL ORDER BY position")

    def remove(self, rows: Sequence[SpooledRow]) -> None:
        """Forget rows that are in the database."""
        with self._transaction():
            removed = self._connection.executemany(
                "DELETE FROM spool WHERE position = ?", ((row.position,) for row in rows)
            ).rowcount
        self.rows -= removed
        self.bytes -= sum(len(row.body) for row in rows)

    def quarantine(self, row: SpooledRow, reason: str) -> None:
        """Keep a row out of the way of the others."""
        self._connection.execute(
            "UPDATE spool SET refused = ? WHERE position = ?", (reason, row.position)
        )

    def replay(self) -> int:
        """Have the writer try all quarantined rows again; return how many there are."""
        statement = "UPDATE spool SET refused = NULL WHERE refused IS NOT NULL"
        return self._connection.execute(statement).rowcount

    def depth(self) -> Depth:
        """Return how much is spooled in this file."""
        (quarantined,) = self._connection.execute(
            "SELECT count(*) FROM spool WHERE refused IS NOT NULL"
        ).fetchone()
        oldest = self._connection.execute(
            "SELECT spooled_s FROM spool WHERE refused IS NULL ORDER BY position LIMIT 1"
        ).fetchone()
        return Depth(self.rows - quarantined, quarantined, oldest and oldest[0])

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
                with self._reserve.open("wb") as file:
                    os.posix_fallocate(file.fileno(), 0, size)
                return
            except OSError:
                self.release_reserve()

    def release_reserve(self) -> None:
        """Give that room back."""
        self._reserve.unlink(missing_ok=True)

    def is_in_place(self) -> bool:
        """Tell whether the file is still there: what is written to a deleted file is lost."""
        try:
            return self.path.stat().st_ino == self._inode
        except FileNotFoundError:
            return False

    def readable_bodies(self) -> Iterator[str]:
        """Read all rows that can be read, if some pages of the file cannot."""
        yield from _readable_bodies(self._connection)

    def close(self) -> None:
        """Close the file and let go of it; where no row is left, delete it."""
        if self._lock is None:
            self._connection.close()
            return
        is_empty = self._is_empty()
        self._connection.close()
        with suppress(NotADirectoryError):  # somebody has removed the whole folder
            self.release_reserve()
            if is_empty:
                for suffix in ("", *WRITE_AHEAD_SUFFIXES):
                    Path(f"{self.path}{suffix}").unlink(missing_ok=True)
                lock_of(self.path).unlink(missing_ok=True)
        os.close(self._lock)
        self._lock = None

    def _is_empty(self) -> bool:
        """Look into the file itself, since what holds rows is never to be deleted."""
        try:
            return self._connection.execute("SELECT 1 FROM spool LIMIT 1").fetchone() is None
        except sqlite3.Error:
            return False

    def _select(self, condition: str, *parameters: int) -> list[SpooledRow]:
        rows = self._connection.execute(
            f"SELECT position, body, refused FROM spool WHERE {condition}",  # noqa: S608  # ours
            parameters,
        )
        return [SpooledRow(self, *row) for row in rows]

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


def files_in(folder: Path) -> list[Path]:
    """Return the spool files of a folder, whoever they belong to."""
    return sorted(folder.glob(f"*{SUFFIX}"))


def lock_of(path: Path) -> Path:
    """Return the name of the lock of a file."""
    return path.with_suffix(".lock")


def reserve_of(path: Path) -> Path:
    """Return the name of the reserve of a file."""
    return path.with_suffix(".reserve")


def locked(path: Path) -> int | None:
    """Take the lock of a file; return its descriptor, or None where a living process holds it."""
    lock = os.open(lock_of(path), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # between opening and locking, its owner may have deleted the file and the lock with it
        if lock_of(path).stat().st_ino == os.fstat(lock).st_ino:
            return lock
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(lock)
    return None


def is_damaged(path: Path) -> bool:
    """Tell whether SQLite finds a fault in the structure of a file."""
    try:
        with closing(sqlite3.connect(path, timeout=BUSY_TIMEOUT_S)) as connection:
            return connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",)
    except sqlite3.DatabaseError as error:
        return speaks_of_damage(error)


def speaks_of_damage(error: sqlite3.Error) -> bool:
    """Tell whether an error says that a file is no longer what it was."""
    code = getattr(error, "sqlite_errorcode", None)  # extended codes have the primary one below
    return code is not None and code & 0xFF in DAMAGED


def bodies_of_damaged(path: Path) -> list[str]:
    """Read all rows that can be read from a damaged file."""
    with closing(sqlite3.connect(path, timeout=BUSY_TIMEOUT_S)) as connection:
        return list(_readable_bodies(connection))


def set_aside(path: Path) -> Path:
    """Give a damaged file another name, under which nobody takes it up; return that name."""
    aside = path.with_suffix(".damaged")
    for suffix in WRITE_AHEAD_SUFFIXES:
        part = Path(f"{path}{suffix}")
        if part.exists():
            part.rename(f"{aside}{suffix}")
    if path.exists():
        path.rename(aside)
    for part in (lock_of(path), reserve_of(path)):
        part.unlink(missing_ok=True)
    return aside


def _readable_bodies(connection: sqlite3.Connection) -> Iterator[str]:
    """Yield what can be read, halving every range of rows that cannot be read as a whole."""
    try:
        first, last = connection.execute(
            "SELECT min(position), max(position) FROM spool NOT INDEXED"
        ).fetchone()
    except sqlite3.DatabaseError:
        first, last = 1, 2**40
    ranges: list[tuple[int, int]] = [] if first is None else [(first, last)]
    failures = 0
    while ranges and failures < SALVAGE_ATTEMPTS:
        low, high = ranges.pop()
        try:
            yield from _bodies_between(connection, low, high)
        except sqlite3.DatabaseError:
            failures += 1
            middle = (low + high) // 2
            if low < high:
                ranges += [(middle + 1, high), (low, middle)]


def _bodies_between(connection: sqlite3.Connection, low: int, high: int) -> Iterable[str]:
    return [
        body
        for (body,) in connection.execute(
            "SELECT body FROM spool NOT INDEXED WHERE position BETWEEN ? AND ?", (low, high)
        ).fetchall()
        if isinstance(body, str)
    ]
