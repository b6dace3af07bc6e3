"""Connections to the database that fail in time rather than hang."""

import atexit
import os
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import ArgumentError, DisconnectionError

from db import odbc
from db.settings import DatabaseSettings, SettingsError

DEFAULT_PORT = 1433  # of SQL Server
MAX_PARAMETER_BYTES = 1 << 30


def make_engine(settings: DatabaseSettings, url: URL | None = None) -> Engine:
    """Prepare connections to the database of the settings, or to another one.

    Nothing is connected yet. Raises SettingsError where the database has no driver here.
    """
    try:
        url = url or settings.url()
        return _engine(url, settings)
    except (ArgumentError, ImportError, OSError) as error:
        name = "the database" if url is None else url.drivername
        raise SettingsError(
            "DATABASE_URL or SQL_SERVER",
            f"names a database that cannot be used here ({name}: {error})",
            "Install its driver, or correct the variable",
        ) from error


@contextmanager
def transaction(engine: Engine, timeout_s: float) -> Iterator[Connection]:
    """Connect, begin, and commit at the end; give up after ``timeout_s`` seconds.

    Raises SQLAlchemyError, or an error of the driver; whether the commit was done is not known
    then.
    """
    with engine.connect() as connection:
        deadline = threading.Timer(timeout_s, _hang_up, [connection])
        deadline.daemon = True
        deadline.start()
        try:
            with connection.begin():
                yield connection
        finally:
            deadline.cancel()


def _engine(url: URL, settings: DatabaseSettings) -> Engine:
    timeout_s = max(1, round(settings.database_timeout_s))  # drivers count whole seconds
    options: dict[str, Any] = {}
    if url.get_backend_name() == "postgresql" and url.get_driver_name() == "psycopg":
        options["connect_args"] = {
            "connect_timeout": max(2, timeout_s),  # libpq knows no less
            "options": f"-c statement_timeout={timeout_s}s -c lock_timeout={timeout_s}s",
        }
    if url.drivername == "mssql+pyodbc":
        url = _with_odbc_driver(url, settings)
        options["connect_args"] = {"timeout": timeout_s}
        # FreeTDS refuses long texts of announced size
        options["use_setinputsizes"] = "odbc_connect" not in url.query
        options["isolation_level"] = "AUTOCOMMIT"  # one statement a batch: no round trip to commit
    # no parameters in errors: logs hold no tweets
    engine = create_engine(url, hide_parameters=True, pool_size=1, max_overflow=1, **options)
    if url.drivername == "mssql+pyodbc":
        _prepare_sql_server(engine, timeout_s)
    if url.get_backend_name() == "sqlite":
        _prepare_sqlite(engine, Path(url.database or ""))
    return engine


def _prepare_sql_server(engine: Engine, timeout_s: int) -> None:
    is_freetds = "odbc_connect" in engine.url.query

    def tune(connection: Any, _record: Any) -> None:
        connection.timeout = timeout_s
        if not is_freetds:
            # else pyodbc sends longer texts in pieces, after a round trip to prepare the statement
            connection.maxwrite = MAX_PARAMETER_BYTES

    event.listen(engine, "connect", tune)


def _with_odbc_driver(url: URL, settings: DatabaseSettings) -> URL:
    """Name the driver in the URL, unless it does so. Raises SettingsError where there is none."""
    import pyodbc  # pylint: disable=import-outside-toplevel  # needs libodbc, SQLite does not

    pyodbc.pooling = False  # SQLAlchemy pools, and closes what it has doubts about
    if "driver" in url.query:
        return url
    driver = odbc.choose_driver(settings.sql_driver)
    if driver is None:
        raise SettingsError(
            "SQL_DRIVER"
            if settings.sql_driver is None
            else f"SQL_DRIVER = {settings.sql_driver!r}",
            "names no ODBC driver for SQL Server that is to be had here",
            "Give the name of a registered driver or the path of its library; "
            "on Debian, `apt-get install unixodbc libgssapi-krb5-2` suffices",
        )
    trust = settings.sql_trust_server_certificate
    if not odbc.is_freetds(driver):
        return url.update_query_dict(odbc.attributes(driver, trust))
    _tell_freetds(odbc.freetds_configuration(url.host or "", url.port or DEFAULT_PORT, trust))
    user, password, database = url.username or "", str(url.password or ""), url.database or ""
    try:
        connection = odbc.freetds_connection(driver, user, password, database)
    except ValueError as error:
        raise SettingsError("SQL_PASSWORD", f"cannot be used: {error}", "Choose another") from error
    return URL.create(url.drivername, query={"odbc_connect": connection})


def _tell_freetds(configuration: str) -> None:
    """Have FreeTDS read this, in this process."""
    with tempfile.NamedTemporaryFile("w", prefix="freetds-", suffix=".conf", delete=False) as file:
        file.write(configuration)
    atexit.register(Path(file.name).unlink, missing_ok=True)
    os.environ["FREETDSCONF"] = file.name


def _prepare_sqlite(engine: Engine, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)

    def tune(connection: Any, record: Any) -> None:
        """Let readers and one writer work side by side; a commit is on the disk."""
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")  # the spool forgets what is committed here
        connection.execute("PRAGMA busy_timeout=10000")
        record.info["inode"] = _inode(path)

    def refuse_deleted_file(_connection: Any, record: Any, _proxy: Any) -> None:
        """Have the pool connect anew where the file is gone: rows in a deleted file are lost."""
        if record.info["inode"] != _inode(path):
            raise DisconnectionError

    event.listen(engine, "connect", tune)
    event.listen(engine, "checkout", refuse_deleted_file)


def _inode(path: Path) -> int | None:
    return path.stat().st_ino if path.exists() else None


def _hang_up(connection: Connection) -> None:
    """End a connection that a thread waits for in vain; the thread gets the driver's error.

    ODBC drivers end their statements themselves, SQLite waits for nobody else.
    """
    with suppress(Exception):  # it may be closed by now, which is what is wanted
        handle: Any = connection.connection.dbapi_connection
        if hasattr(handle, "pgconn"):
            with socket.socket(fileno=os.dup(handle.fileno())) as stalled:
                stalled.shutdown(socket.SHUT_RDWR)
