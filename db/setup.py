"""Prepare a database as its administrator: tables, and logins that may do no more than needed."""

import time
from collections.abc import Callable
from typing import Any

from pydantic import SecretStr
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from db.engine import make_engine
from db.migrations import migrate
from db.schema import METRICS, SCHEMA_VERSION, TRAINING_RUNS
from db.settings import SettingsError, SetupSettings

WAIT_S = 180  # a new container of SQL Server takes up to a minute
RETRY_EVERY_S = 1
GRAFANA_READER = "grafana_reader"


class SetupError(Exception):
    """The database could not be prepared; the text holds no secret."""


def set_up(settings: SetupSettings, say: Callable[[str], None]) -> None:
    """Create what is missing, and leave data and rights alone; ``say`` is told each step.

    On SQL Server that is the database, its tables and two logins: SQL_USER, which may insert and
    select, and Grafana's, which may select. Both get the passwords of the settings, also where
    they had others. Other databases get their tables. Raises SetupError or SettingsError.
    """
    try:
        if settings.is_sql_server:
            _set_up_sql_server(settings, say)
        else:
            _create_tables(make_engine(settings), say)
    except DBAPIError as error:
        # neither the statement, which may set a password, nor a traceback that shows it
        raise SetupError(str(error.orig)) from None


def quoted_name(name: str) -> str:
    """Quote an identifier of SQL Server."""
    return f"[{name.replace(']', ']]')}]"


def quoted_text(text: str) -> str:
    """Quote a literal of SQL Server, where a statement takes no parameter."""
    return f"N'{text.replace(chr(39), chr(39) * 2)}'"


def _set_up_sql_server(settings: SetupSettings, say: Callable[[str], None]) -> None:
    service = settings.sql_user
    others = (settings.sql_admin_user, GRAFANA_READER)
    if service is None or settings.sql_password is None or service.lower() in others:
        raise SettingsError(
            f"SQL_USER = {service!r} or SQL_PASSWORD",
            "is not the login that the service is to have",
            f"Set both, the name to another one than {' or '.join(map(repr, others))}",
        )
    server = make_engine(settings, settings.administrators_url("master"))
    _wait_for(server, say)
    _create_database(server, settings.sql_db, say)
    server.dispose()
    database = make_engine(settings, settings.administrators_url())
    _create_tables(database, say)
    _create_login(database, service, settings.sql_password, say)
    for table in (METRICS, TRAINING_RUNS):
        _grant(database, service, "SELECT, INSERT", table.name, say)
    _grant(database, service, "SELECT", SCHEMA_VERSION.name, say)
    if settings.grafana_reader_password is None:
        say("GRAFANA_READER_PASSWORD is not set: no login for Grafana")
    else:
        _create_login(database, GRAFANA_READER, settings.grafana_reader_password, say)
        for table in (METRICS, TRAINING_RUNS):
            _grant(database, GRAFANA_READER, "SELECT", table.name, say)
    database.dispose()


def _wait_for(engine: Engine, say: Callable[[str], None]) -> None:
    """Connect until it works: also a wrong password may become right while a server starts."""
    deadline_s = time.monotonic() + WAIT_S
    told = ""
    while True:
        try:
            engine.connect().close()
            return
        except DBAPIError as error:
            if time.monotonic() > deadline_s:
                raise SetupError(f"not within {WAIT_S} s: {error.orig}") from None
            if told != (told := str(error.orig)):
                say(f"waiting for the database: {told}")
        time.sleep(RETRY_EVERY_S)


def _create_database(server: Engine, name: str, say: Callable[[str], None]) -> None:
    if _value(server, "SELECT DB_ID(?)", name) is None:
        _execute(server, f"CREATE DATABASE {quoted_name(name)}")
        say(f"created database {name}")
    # with row versions, dashboards that read never make the writer wait
    is_on = "SELECT is_read_committed_snapshot_on FROM sys.databases WHERE name = ?"
    if not _value(server, is_on, name):
        _switch_row_versions_on(server, name, say)


def _switch_row_versions_on(server: Engine, name: str, say: Callable[[str], None]) -> None:
    try:
        _execute(
            server,
            f"ALTER DATABASE {quoted_name(name)} SET READ_COMMITTED_SNAPSHOT ON"
            " WITH ROLLBACK IMMEDIATE",
        )
    except DBAPIError as error:  # recording works without
        say(f"READ_COMMITTED_SNAPSHOT stays off, so dashboards may delay the writer: {error.orig}")
    else:
        say("switched READ_COMMITTED_SNAPSHOT on")


def _create_tables(engine: Engine, say: Callable[[str], None]) -> None:
    _wait_for(engine, say)
    migrate(engine)
    say("the tables are there")


def _create_login(
    database: Engine, name: str, password: SecretStr, say: Callable[[str], None]
) -> None:
    exists = _value(database, "SELECT 1 FROM sys.server_principals WHERE name = ?", name)
    _execute(
        database,
        f"{'ALTER' if exists else 'CREATE'} LOGIN {quoted_name(name)}"
        f" WITH PASSWORD = {quoted_text(password.get_secret_value())}",
    )
    if not _value(database, "SELECT 1 FROM sys.database_principals WHERE name = ?", name):
        _execute(database, f"CREATE USER {quoted_name(name)} FOR LOGIN {quoted_name(name)}")
    say(f"the login {name} is there, with the password of the settings")


def _grant(
    database: Engine, name: str, rights: str, table: str, say: Callable[[str], None]
) -> None:
    _execute(database, f"GRANT {rights} ON {quoted_name(table)} TO {quoted_name(name)}")
    say(f"{name} may {rights} on {table}")


def _execute(engine: Engine, statement: str) -> None:
    with engine.connect() as connection:  # in autocommit: CREATE DATABASE takes no transaction
        connection.exec_driver_sql(statement)


def _value(engine: Engine, statement: str, *parameters: Any) -> Any:
    with engine.connect() as connection:
        return connection.exec_driver_sql(statement, parameters).scalar()
