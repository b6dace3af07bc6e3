"""Set up a database as its administrator: tables, and SQL Server's database and logins."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from sqlalchemy import URL, Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from db.admin.logins import Login, ensure_login, ensure_user, logins_of
from db.admin.setup_retries import SetupError, retry, wait_for_database
from db.database.engine import make_engine
from db.database.index_migrations import SLOW_MIGRATION_TIMEOUT_S
from db.database.migrations import migrate
from db.database.tsql import (
    MIN_COMPATIBILITY_LEVEL,
    IncompatibleDatabaseError,
    check_compatibility_level,
    execute,
    query_optional,
    query_scalar,
    quote_name,
    set_compatibility_level,
)
from db.settings import SetupSettings
from db.writing.errors import explain, is_credentials_error, is_database_access_denied

COMPATIBILITY_LEVEL = "SELECT compatibility_level FROM sys.databases WHERE name = ?"
ROW_VERSIONING = "SELECT is_read_committed_snapshot_on FROM sys.databases WHERE name = ?"

Log: TypeAlias = Callable[[str], None]


def set_up(settings: SetupSettings, log: Log, reset_passwords: bool = False) -> None:
    """Create what is missing, leave what exists alone, and log each step.

    On SQL Server: the database, its tables, the service's login (SELECT, INSERT) and Grafana's
    (SELECT). Existing logins must have the passwords of the settings, or get them if
    ``reset_passwords``. At the end, each login is tried. Other databases: the tables. Raises
    SetupError or SettingsError.
    """
    try:
        if settings.uses_sql_variables:
            _set_up_sql_server(settings, log, reset_passwords)
        else:
            with _engine(settings, settings.url()) as engine:
                _create_tables(settings, engine, log)
                check_compatibility_level(engine)
    except DBAPIError as error:
        # neither the statement, which may contain a password, nor a traceback with it
        raise SetupError(str(error.orig)) from None
    except (IncompatibleDatabaseError, SQLAlchemyError) as error:
        raise SetupError(str(error)) from None


def _set_up_sql_server(settings: SetupSettings, log: Log, reset_passwords: bool) -> None:
    logins = logins_of(settings)
    settings.check_grafana_login()
    if settings.grafana_reader_password is None:
        log("GRAFANA_READER_PASSWORD is not set: no login for Grafana")
    for login in logins:  # before any change: raises SettingsError if the driver cannot log in so
        make_engine(settings, settings.login_url(login.name, login.password)).dispose()
    with (
        _engine(settings, settings.admin_url("master")) as server,
        _engine(settings, settings.admin_url()) as database,
    ):
        setup = _SQLServerSetup(settings, server, database, log)
        wait_for_database(server, log)
        setup.create_database()
        _create_tables(settings, database, log)
        for login in logins:
            setup.create_login(login, reset_passwords)
        for login in logins:
            setup.check_rights(login)
        check_compatibility_level(database)


def _create_tables(settings: SetupSettings, engine: Engine, log: Log) -> None:
    wait_for_database(engine, log)
    with _engine(settings, settings.admin_url(), SLOW_MIGRATION_TIMEOUT_S) as slow_engine:
        retry(engine, lambda: migrate(engine, log=log, slow_engine=slow_engine))
    log("the tables are ready")


@contextmanager
def _engine(
    settings: SetupSettings, url: URL, use_timeout_s: float | None = None
) -> Iterator[Engine]:
    engine = make_engine(settings, url, use_timeout_s)
    try:
        yield engine
    finally:
        engine.dispose()


@dataclass(frozen=True)
class _SQLServerSetup:
    """Idempotent steps; ``server`` connects to `master`, both as the administrator."""

    settings: SetupSettings
    server: Engine
    database: Engine
    log: Log

    def create_database(self) -> None:
        """Create the database unless it exists; change settings of a new one only."""
        name = self.settings.sql_db
        # with row versioning, reading dashboards do not block the writer
        enable_row_versioning = (
            f"ALTER DATABASE {quote_name(name)} SET READ_COMMITTED_SNAPSHOT ON"
            " WITH ROLLBACK IMMEDIATE"
        )
        if retry(self.server, self._created):
            self.log(f"created database {name}")
            self._alter(enable_row_versioning)
            level = self._property(COMPATIBILITY_LEVEL)
            if level is not None and level < MIN_COMPATIBILITY_LEVEL:
                self._alter(set_compatibility_level(name))
        elif self._property(ROW_VERSIONING) == 0:
            self.log(
                "READ_COMMITTED_SNAPSHOT is off: dashboards may block the writer. To turn it on, "
                f"run at a quiet time: {enable_row_versioning} (it rolls back open transactions)"
            )

    def create_login(self, login: Login, reset_password: bool) -> None:
        """Create a login and its user unless they exist, and grant its rights."""
        ensure = partial(
            ensure_login, self.server, login, lambda: self._try_login(login), reset_password
        )
        self.log(retry(self.server, ensure))
        self.log(retry(self.database, lambda: ensure_user(self.database, login)))
        for table, rights in login.rights.items():
            listed = ", ".join(rights)
            grant = f"GRANT {listed} ON {quote_name(table)} TO {quote_name(login.name)}"
            retry(self.database, partial(execute, self.database, grant))
            self.log(f"granted {listed} on {table} to {login.name}")

    def check_rights(self, login: Login) -> None:
        """Connect as a login and use its rights. Raises SetupError if that fails."""
        database = self.settings.sql_db
        try:
            with _engine(self.settings, self._url_of(login)) as engine:
                retry(engine, lambda: _use_rights(engine, login))
        except DBAPIError as error:
            raise SetupError(
                f"{login.setting} is set up, but cannot use database {database}: {explain(error)}"
            ) from None
        self.log(f"{login.name} can log in and use database {database}")

    def _created(self) -> bool:
        name = self.settings.sql_db
        if query_scalar(self.server, "SELECT DB_ID(?)", name) is not None:
            return False
        execute(self.server, f"CREATE DATABASE {quote_name(name)}")
        return True

    def _alter(self, statement: str) -> None:
        try:
            execute(self.server, statement)
        except DBAPIError as error:  # recording works without
            self.log(f"{statement} failed and was skipped: {error.orig}")
        else:
            self.log(statement)

    def _property(self, query: str) -> int | None:
        row = query_optional(self.server, query, self.settings.sql_db)
        return None if row is None or row[0] is None else int(row[0])

    def _try_login(self, login: Login) -> DBAPIError | None:
        """Log in once; return the refusal. Raises DBAPIError if the server does not answer."""
        try:
            with _engine(self.settings, self._url_of(login)) as engine:
                engine.connect().close()
        except DBAPIError as error:
            if is_credentials_error(error):
                return error
            if not is_database_access_denied(error):  # a login without a user there
                raise
        return None

    def _url_of(self, login: Login) -> URL:
        return self.settings.login_url(login.name, login.password)


def _use_rights(engine: Engine, login: Login) -> None:
    with engine.connect() as connection:
        for table, rights in login.rights.items():
            no_rows = f"FROM {quote_name(table)} WHERE 1 = 0"
            connection.exec_driver_sql(f"SELECT count(*) {no_rows}").scalar()
            if "INSERT" in rights:
                connection.exec_driver_sql(f"INSERT INTO {quote_name(table)} SELECT * {no_rows}")
