"""What can be saved from a damaged spool file."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

BUSY_TIMEOUT_S = 10
DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
ATTEMPTS = 10_000  # failed reads before what is left of a damaged file is given up
HIGHEST_POSITION = 2**40
WRITE_AHEAD_SUFFIXES = ("-wal", "-shm")


def is_damaged(path: Path) -> bool:
    """Tell whether SQLite finds a fault in the structure of a file."""
    try:
        with closing(sqlite3.connect(path, timeout=BUSY_TIMEOUT_S)) as connection:
            return connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",)
    except sqlite3.DatabaseError as error:
        return is_corruption(error)


def is_corruption(error: BaseException | None) -> bool:
    """Tell whether an error says that a file is no longer what it was."""
    code = getattr(error, "sqlite_errorcode", None)  # extended codes have the primary one below
    return code is not None and code & 0xFF in DAMAGED


def bodies_of_damaged(path: Path) -> list[str]:
    """Read all rows that can be read from a damaged file."""
    with closing(sqlite3.connect(path, timeout=BUSY_TIMEOUT_S)) as connection:
        connection.text_factory = decoded
        return list(readable_bodies(connection))


def readable_bodies(connection: sqlite3.Connection) -> Iterator[str]:
    """Yield what can be read, halving every range of rows that cannot be read as a whole."""
    try:
        first, last = connection.execute(
            "SELECT min(position), max(position) FROM spool NOT INDEXED"
        ).fetchone()
    except sqlite3.DatabaseError:
        first, last = 1, HIGHEST_POSITION
    ranges: list[tuple[int, int]] = [] if first is None else [(first, last)]
    failures = 0
    while ranges and failures < ATTEMPTS:
        low, high = ranges.pop()
        try:
            yield from _bodies_between(connection, low, high)
        except sqlite3.DatabaseError:
            failures += 1
            middle = (low + high) // 2
            if low < high:
                ranges += [(middle + 1, high), (low, middle)]


def set_aside(path: Path) -> Path:
    """Give a damaged file another name, under which nobody takes it up; return that name."""
    aside = path.with_suffix(".damaged")
    for suffix in (*WRITE_AHEAD_SUFFIXES, ""):
        part = Path(f"{path}{suffix}")
        if part.exists():
            part.rename(f"{aside}{suffix}")
    return aside


def decoded(raw: bytes) -> str:
    """Decode a text of SQLite whatever has become of its bytes."""
    return raw.decode("utf-8", "replace")


def _bodies_between(connection: sqlite3.Connection, low: int, high: int) -> list[str]:
    rows = connection.execute(
        "SELECT body FROM spool NOT INDEXED WHERE position BETWEEN ? AND ?", (low, high)
    ).fetchall()
    return [body for (body,) in rows if isinstance(body, str)]
