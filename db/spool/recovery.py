"""Recover the readable rows of a corrupt spool file."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

BUSY_TIMEOUT_S = 10
CORRUPTION_CODES = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
MAX_FAILED_READS = 10_000  # then the rest of the file is given up
MAX_POSITION = 2**40
WAL_SUFFIXES = ("-wal", "-shm")


def is_corrupt(path: Path) -> bool:
    """Return whether SQLite finds a file's structure corrupt."""
    try:
        with closing(sqlite3.connect(path, timeout=BUSY_TIMEOUT_S)) as connection:
            return connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",)
    except sqlite3.DatabaseError as error:
        return is_corruption(error)


def is_corruption(error: BaseException | None) -> bool:
    """Return whether an error reports a corrupt file."""
    code = getattr(error, "sqlite_errorcode", None)  # the low byte is the primary code
    return code is not None and code & 0xFF in CORRUPTION_CODES


def recover_file(path: Path) -> list[str]:
    """Return the bodies of all rows that can be read from a corrupt file."""
    with closing(sqlite3.connect(path, timeout=BUSY_TIMEOUT_S)) as connection:
        connection.text_factory = decode
        return list(recover_bodies(connection))


def recover_bodies(connection: sqlite3.Connection) -> Iterator[str]:
    """Yield the bodies that can be read; split each range of rows that cannot be read at once."""
    try:
        first, last = connection.execute(
            "SELECT min(position), max(position) FROM spool NOT INDEXED"
        ).fetchone()
    except sqlite3.DatabaseError:
        first, last = 1, MAX_POSITION
    ranges: list[tuple[int, int]] = [] if first is None else [(first, last)]
    failures = 0
    while ranges and failures < MAX_FAILED_READS:
        low, high = ranges.pop()
        try:
            yield from _bodies_between(connection, low, high)
        except sqlite3.DatabaseError:
            failures += 1
            middle = (low + high) // 2
            if low < high:
                ranges += [(middle + 1, high), (low, middle)]


def set_aside(path: Path) -> Path:
    """Rename a corrupt file so that no process opens it again; return its new path."""
    aside = path.with_suffix(".damaged")
    for suffix in (*WAL_SUFFIXES, ""):
        part = Path(f"{path}{suffix}")
        if part.exists():
            part.rename(f"{aside}{suffix}")
    return aside


def decode(raw: bytes) -> str:
    """Decode a text of SQLite, with U+FFFD for invalid bytes."""
    return raw.decode("utf-8", "replace")


def _bodies_between(connection: sqlite3.Connection, low: int, high: int) -> list[str]:
    rows = connection.execute(
        "SELECT body FROM spool NOT INDEXED WHERE position BETWEEN ? AND ?", (low, high)
    ).fetchall()
    return [body for (body,) in rows if isinstance(body, str)]
