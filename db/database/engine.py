"""Connections to the database that fail in time rather than hang."""

import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.exc import ArgumentError, DisconnectionError

from db.database import freetds, odbc
from db.database.deadlines import Peer, bound_odbc, bound_postgresql
from db.database.postgresql import connect_arguments
from db.settings import DatabaseSettings, SettingsError

MAX_PARAMETER_BYTES = 1 << 30
MAX_NAME_CHARACTERS = 128  # of a name or a password, in UTF-16
BUSY_TIMEOUT_S = 10  # of SQLite


@dataclass(frozen=True)
class Timeouts:
    """How many seconds connecting may take, and each use of a connection after that."""

    connect_s: int
    use_s: int


def make_engine(
    settings: DatabaseSettings, url: URL | None = None, use_timeout_s: float | None = None
) -> Engine:
    """Prepare connections to the database of the settings, or to another one.

    Connecting takes DATABASE_TIMEOUT_S at most, and so does each use of a connection, unless it is
    given another ``use_timeout_s``. Nothing is connected yet. Raises SettingsError if the database
    has no driver here.
    """
    connect_s = settings.database_timeout_s
    seconds = (connect_s, connect_s if use_timeout_s is None else use_timeout_s)
    timeouts = Timeouts(*(max(1, round(each)) for each in seconds))  # drivers count whole seconds
    try:
        url = url or settings.url()
        return _engine(url, settings, timeouts)
    except (ArgumentError, ImportError, OSError, ValueError) as error:
        name = "the database" if url is None else url.drivername
        raise SettingsError(
            "DATABASE_URL or SQL_SERVER",
            f"names a database that cannot be used here ({name}: {error})",
            "Install its driver, or correct the variable",
        ) from error


def _engine(url: URL, settings: DatabaseSettings, timeouts: Timeouts) -> Engine:
    # no parameters in errors: logs hold no tweets
    pool = {"hide_parameters": True, "pool_size": 1, "max_overflow": 1}
    match url.drivername:
        case "postgresql" | "postgresql+psycopg":
            return _postgresql(url, timeouts, pool)
        case "mssql" | "mssql+pyodbc":
            engine = _sql_server(*_with_odbc_driver(url, settings), timeouts, pool)
            bound_odbc(engine, _peer(url, settings), timeouts.connect_s, timeouts.use_s)
            return engine
        case "sqlite" | "sqlite+pysqlite":
            return _sqlite(url, pool)
    return create_engine(url, **pool)


def _postgresql(url: URL, timeouts: Timeouts, pool: dict[str, Any]) -> Engine:
    arguments = connect_arguments(url, timeouts.connect_s, timeouts.use_s)
    engine = create_engine(url, connect_args=arguments, **pool)
    bound_postgresql(engine, timeouts.connect_s, timeouts.use_s)
    return engine


def _sql_server(url: URL, driver: str, timeouts: Timeouts, pool: dict[str, Any]) -> Engine:
    is_freetds = odbc.is_freetds(driver)
    engine = create_engine(
        url,
        connect_args={"timeout": timeouts.connect_s},
        isolation_level="AUTOCOMMIT",  # a batch is one statement: no round trip to commit
        use_setinputsizes=not is_freetds,  # which refuses long texts of announced size
        **pool,
    )

    def tune(connection: Any, _record: Any) -> None:
        connection.timeout = timeouts.use_s
        if not is_freetds:
            # else pyodbc sends longer texts in pieces, after a round trip to prepare the statement
            connection.maxwrite = MAX_PARAMETER_BYTES

    event.listen(engine, "connect", tune, insert=True)  # before SQLAlchemy's first questions
    return engine


def _with_odbc_driver(url: URL, settings: DatabaseSettings) -> tuple[URL, str]:
    """Name the driver in the URL, unless it does so; return the driver too.

    Raises SettingsError where there is none.
    """
    import pyodbc  # pylint: disable=import-outside-toplevel  # needs libodbc, SQLite does not

    pyodbc.pooling = False  # SQLAlchemy pools, and closes what it has doubts about
    for key in ("driver", "odbc_connect"):
        if key in url.query:
            return url, str(url.query[key]).partition(";")[0]
    if url.database is None:  # a data source of odbc.ini, which names its driver
        return url, ""
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
    _check_lengths(url, settings)
    address, trust = settings.address_of(url), settings.sql_trust_server_certificate
    if not odbc.is_freetds(driver):
        url = url.set(host=address.server, port=address.port)  # no port beside an instance's name
        return url.update_query_dict(odbc.attributes(driver, trust)), driver
    server = freetds.configure(freetds.configuration(address, trust))
    try:
        connection = freetds.connection_string(
            driver, server, url.username or "", str(url.password or ""), url.database or ""
        )
    except freetds.UnquotableError as error:
        raise SettingsError(
            _variable_of(error.part, url, settings), f"cannot be used: {error}", "Choose another"
        ) from error
    return URL.create(url.drivername, query={"odbc_connect": connection}), driver


def _peer(url: URL, settings: DatabaseSettings) -> Peer:
    """Return where a URL of SQL Server leads, as far as it says so."""
    if url.database is None or "odbc_connect" in url.query:
        return Peer()
    if "driver" in url.query:
        return Peer(url.host, url.port)
    address = settings.address_of(url)
    return Peer(address.host, address.port)


def _check_lengths(url: URL, settings: DatabaseSettings) -> None:
    """Refuse what is too long for SQL Server, of which FreeTDS sends a part only."""
    parts = {"user": url.username, "password": url.password, "database": url.database}
    for part, value in parts.items():
        if len(str(value or "").encode("utf-16-le", "surrogatepass")) > 2 * MAX_NAME_CHARACTERS:
            raise SettingsError(
                _variable_of(part, url, settings),
                f"is longer than the {MAX_NAME_CHARACTERS} characters that SQL Server takes",
                "Choose a shorter one",
            )


def _variable_of(part: str, url: URL, settings: DatabaseSettings) -> str:
    """Return the variable that holds a part of a connection: user, password or database."""
    if not settings.is_sql_server:
        return f"the {part} in DATABASE_URL"
    user, password = settings.login_variables(url.username)
    return {"user": user, "password": password, "database": "SQL_DB"}[part]


def _sqlite(url: URL, pool: dict[str, Any]) -> Engine:
    path = Path(url.database or "")
    path.parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, **pool)

    def tune(connection: Any, record: Any) -> None:
        """Let readers and one writer work side by side; a commit is on the disk."""
        connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_S * 1000}")
        _switch_to_wal(connection)
        connection.execute("PRAGMA synchronous=FULL")  # the spool forgets what is committed here
        # on macOS, FULL alone leaves it in the disk's own cache
        connection.execute("PRAGMA fullfsync=ON")
        connection.execute("PRAGMA checkpoint_fullfsync=ON")
        record.info["inode"] = _inode(path)

    def refuse_deleted_file(_connection: Any, record: Any, _proxy: Any) -> None:
        """Have the pool connect anew where the file is gone: rows in a deleted file are lost."""
        if record.info["inode"] != _inode(path):
            raise DisconnectionError

    event.listen(engine, "connect", tune)
    event.listen(engine, "checkout", refuse_deleted_file)
    return engine


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    """Wait for others who do the same: SQLite itself waits for everything but this."""
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
