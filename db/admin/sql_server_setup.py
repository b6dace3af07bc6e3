"""The steps of setting up SQL Server; each finds what it or another has done before."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from db.admin.logins import ensure_login, ensure_user
from db.admin.setup_error import SetupError
from db.admin.setup_logins import Login
from db.admin.waiting import repeat
from db.database.compatibility import LEVEL, raise_level
from db.database.engine import make_engine
from db.database.tsql import execute, known, quoted_name, value
from db.settings import SetupSettings
from db.writing.errors import opens_no_database, reason, refuses_password

COMPATIBILITY_LEVEL = "SELECT compatibility_level FROM sys.databases WHERE name = ?"
ROW_VERSIONS = "SELECT is_read_committed_snapshot_on FROM sys.databases WHERE name = ?"


@dataclass(frozen=True)
class SQLServerSetup:
    """What the steps need: the administrator's engines, of `master` and of the database itself."""

    settings: SetupSettings
    server: Engine
    database: Engine
    say: Callable[[str], None]

    def create_database(self) -> None:
        """Create the database unless it exists; switch only what this run has created."""
        name = self.settings.sql_db
        # with row versions, dashboards that read never make the writer wait
        switch = (
            f"ALTER DATABASE {quoted_name(name)} SET READ_COMMITTED_SNAPSHOT ON"
            " WITH ROLLBACK IMMEDIATE"
        )
        if repeat(self.server, self._creates_database):
            self.say(f"created database {name}")
            self._switch(switch)
            if _is_below(LEVEL, self._fact(COMPATIBILITY_LEVEL)):
                self._switch(raise_level(name))
        elif _is_below(1, self._fact(ROW_VERSIONS)):
            self.say(
                "READ_COMMITTED_SNAPSHOT is off: dashboards may delay the writer. To change that, "
                f"run in a quiet moment: {switch} (it rolls back what other sessions are doing)"
            )

    def create_login(self, login: Login, reset_password: bool) -> None:
        """Create a login and its user unless they exist. Raises SetupError if they are others'."""
        name = login.name
        self.say(
            repeat(
                self.server,
                lambda: ensure_login(
                    self.server, login, lambda: self._refusal(login), reset_password
                ),
            )
        )
        self.say(repeat(self.database, lambda: ensure_user(self.database, login)))
        for table, rights in login.rights.items():
            allowed = ", ".join(rights)
            grant = f"GRANT {allowed} ON {quoted_name(table)} TO {quoted_name(name)}"
            repeat(self.database, partial(execute, self.database, grant))
            self.say(f"{name} may {allowed} on {table}")

    def check_rights(self, login: Login) -> None:
        """Connect as a login, and use what it may use. Raises SetupError if that fails."""
        database = self.settings.sql_db
        engine = make_engine(self.settings, self.settings.login_url(login.name, login.password))
        try:
            repeat(engine, lambda: _use(engine, login))
        except DBAPIError as error:
            raise SetupError(
                f"{login.shown} is set up, but cannot use database {database}: {reason(error)}"
            ) from None
        finally:
            engine.dispose()
        self.say(f"{login.name} has logged in, and can use database {database}")

    def _creates_database(self) -> bool:
        name = self.settings.sql_db
        if value(self.server, "SELECT DB_ID(?)", name) is not None:
            return False
        execute(self.server, f"CREATE DATABASE {quoted_name(name)}")
        return True

    def _switch(self, statement: str) -> None:
        try:
            execute(self.server, statement)
        except DBAPIError as error:  # recording works without
            self.say(f"{statement} failed, and is left out: {error.orig}")
        else:
            self.say(statement)

    def _fact(self, question: str) -> int | None:
        """Return what the server knows of the database, None if it does not tell."""
        row = known(self.server, question, self.settings.sql_db)
        return None if row is None or row[0] is None else int(row[0])

    def _refusal(self, login: Login) -> DBAPIError | None:
        """Try to log in, once; return the refusal. Raises DBAPIError if nobody answers."""
        engine = make_engine(self.settings, self.settings.login_url(login.name, login.password))
        try:
            engine.connect().close()
        except DBAPIError as error:
            if refuses_password(error):
                return error
            if not opens_no_database(error):  # which it may not before it has a user there
                raise
        finally:
            engine.dispose()
        return None


def _is_below(bound: int, fact: int | None) -> bool:
    return fact is not None and fact < bound


def _use(engine: Engine, login: Login) -> None:
    with engine.connect() as connection:
        for table, rights in login.rights.items():
            nothing = f"FROM {quoted_name(table)} WHERE 1 = 0"
            connection.exec_driver_sql(f"SELECT count(*) {nothing}").scalar()
            if "INSERT" in rights:
                connection.exec_driver_sql(f"INSERT INTO {quoted_name(table)} SELECT * {nothing}")
