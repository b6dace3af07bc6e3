"""Create SQLAlchemy engines whose connections time out instead of hanging."""

import sqlite3
import time
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.exc import ArgumentError, DisconnectionError

from db.database.postgresql import create_postgresql_engine
from db.database.sql_server import create_sql_server_engine
from db.database.timeouts import Timeouts
from db.settings import DatabaseSettings, SettingsError

BUSY_TIMEOUT_S = 10  # of SQLite


def make_engine(
    settings: DatabaseSettings, url: URL | None = None, use_timeout_s: float | None = None
) -> Engine:
    """Return an engine for the settings' database or another ``url``, not connected yet.

    Connecting takes at most DATABASE_TIMEOUT_S, and so does each use of a connection, unless
    ``use_timeout_s`` is given. Raises SettingsError if the database's driver is missing.
    """
    connect_s = settings.database_timeout_s
    seconds = (connect_s, connect_s if use_timeout_s is None else use_timeout_s)
    timeouts = Timeouts(*(max(1, round(each)) for each in seconds))  # drivers take whole seconds
    # no parameters in errors, so that logs contain no tweets
    pool = {"hide_parameters": True, "pool_size": 1, "max_overflow": 1}
    try:
        url = url or settings.url()
        match url.drivername:
            case "postgresql" | "postgresql+psycopg":
                return create_postgresql_engine(url, timeouts, pool)
            case "mssql" | "mssql+pyodbc":
                return create_sql_server_engine(url, settings, timeouts, pool)
            case "sqlite" | "sqlite+pysqlite":
                return _create_sqlite_engine(url, pool)
        return create_engine(url, **pool)
    except (ArgumentError, ImportError, OSError, ValueError) as error:
        name = "the database" if url is None else url.drivername
        raise SettingsError(
            "DATABASE_URL or SQL_SERVER",
            f"names a database that cannot be used here ({name}: {error})",
            "Install its driver, or correct the variable",
        ) from error


def _create_sqlite_engine(url: URL, pool: dict[str, Any]) -> Engine:
    path = Path(url.database or "")
    path.parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, **pool)

    def set_pragmas(connection: Any, record: Any) -> None:
        connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_S * 1000}")
        _enable_wal(connection)  # so that readers and one writer do not block each other
        connection.execute("PRAGMA synchronous=FULL")  # the spool deletes what is committed here
        # macOS: FULL alone leaves the data in the disk's own cache
        connection.execute("PRAGMA fullfsync=ON")
        connection.execute("PRAGMA checkpoint_fullfsync=ON")
        record.info["inode"] = _inode(path)

    def check_inode(_connection: Any, record: Any, _proxy: Any) -> None:
        if record.info["inode"] != _inode(path):  # rows written to a deleted file are lost
            raise DisconnectionError  # the pool reconnects

    event.listen(engine, "connect", set_pragmas)
    event.listen(engine, "checkout", check_inode)
    return engine


def _enable_wal(connection: sqlite3.Connection) -> None:
    """Switch to WAL, waiting for others that do the same: busy_timeout does not cover this."""
    deadline_s = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline_s:
                raise
        time.sleep(0.01)


def _inode(path: Path) -> int | None:
    return path.stat().st_ino if path.exists() else None
