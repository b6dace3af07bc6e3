"""Engines of SQL Server with pyodbc, which take no longer than their timeouts."""

from typing import Any

from sqlalchemy import URL, Engine, create_engine, event

from db.database import odbc
from db.database.timeouts import Peer, Timeouts, enforce_odbc_timeouts
from db.settings import DatabaseSettings, SettingsError

MAX_PARAMETER_BYTES = 1 << 30
MAX_NAME_CHARACTERS = 128  # of a name or password, in UTF-16


def create_sql_server_engine(
    url: URL, settings: DatabaseSettings, timeouts: Timeouts, pool: dict[str, Any]
) -> Engine:
    """Return an engine whose connections have the ``timeouts``.

    Raises SettingsError if there is no ODBC driver, or if it cannot accept a name or password.
    """
    odbc_url, driver = _with_driver(url, settings)
    is_freetds = odbc.is_freetds(driver)
    engine = create_engine(
        odbc_url,
        connect_args={"timeout": timeouts.connect_s},
        isolation_level="AUTOCOMMIT",  # a batch is one statement: saves the round trip to commit
        use_setinputsizes=not is_freetds,  # FreeTDS rejects long texts of declared size
        **pool,
    )

    def set_limits(connection: Any, _record: Any) -> None:
        connection.timeout = timeouts.use_s
        if not is_freetds:
            # else pyodbc prepares the statement and sends long texts in pieces: a round trip more
            connection.maxwrite = MAX_PARAMETER_BYTES

    event.listen(engine, "connect", set_limits, insert=True)  # before SQLAlchemy's first queries
    enforce_odbc_timeouts(engine, _peer(url, settings), timeouts)
    return engine


def _with_driver(url: URL, settings: DatabaseSettings) -> tuple[URL, str]:
    """Return the URL with its ODBC driver, and the driver."""
    import pyodbc  # pylint: disable=import-outside-toplevel  # needs libodbc, SQLite does not

    pyodbc.pooling = False  # SQLAlchemy pools, and closes connections that failed
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
            "names no ODBC driver for SQL Server that is installed here",
            "Set it to the name of a registered driver or the path of its library; "
            "on Debian, `apt-get install unixodbc libgssapi-krb5-2` suffices",
        )
    _check_lengths(url, settings)
    address, trust = settings.server_address(url), settings.sql_trust_server_certificate
    if odbc.is_freetds(driver):
        server = odbc.write_freetds_conf(odbc.freetds_conf(address, trust))
        return _freetds_url(url, settings, driver, server), driver
    url = url.set(host=address.server, port=address.port)  # no port beside an instance name
    return url.update_query_dict(odbc.microsoft_attributes(driver, trust)), driver


def _freetds_url(url: URL, settings: DatabaseSettings, driver: str, server: str) -> URL:
    try:
        connection = odbc.freetds_connection_string(
            driver, server, url.username or "", str(url.password or ""), url.database or ""
        )
    except odbc.UnquotableError as error:
        raise SettingsError(
            _variable_of(error.part, url, settings), f"cannot be used: {error}", "Choose another"
        ) from error
    return URL.create(url.drivername, query={"odbc_connect": connection})


def _check_lengths(url: URL, settings: DatabaseSettings) -> None:
    """Reject names and passwords that are too long for SQL Server: FreeTDS would truncate them."""
    parts = {"user": url.username, "password": url.password, "database": url.database}
    for part, value in parts.items():
        if len(str(value or "").encode("utf-16-le", "surrogatepass")) > 2 * MAX_NAME_CHARACTERS:
            raise SettingsError(
                _variable_of(part, url, settings),
                f"is longer than SQL Server's limit of {MAX_NAME_CHARACTERS} characters",
                "Choose a shorter one",
            )


def _variable_of(part: str, url: URL, settings: DatabaseSettings) -> str:
    """Return the variable that sets the user, password or database of a connection."""
    if not settings.uses_sql_variables:
        return f"the {part} in DATABASE_URL"
    user, password = settings.login_variables(url.username)
    return {"user": user, "password": password, "database": "SQL_DB"}[part]


def _peer(url: URL, settings: DatabaseSettings) -> Peer:
    if url.database is None or "odbc_connect" in url.query:
        return Peer()
    if "driver" in url.query:
        return Peer(url.host, url.port)
    address = settings.server_address(url)
    return Peer(address.host, address.port)
