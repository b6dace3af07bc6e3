"""Create and repair SQL Server's logins and users, without taking over those of others."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from pydantic import SecretStr
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from db.admin.setup_retries import SetupError
from db.database.schema import METRICS, SCHEMA_VERSION, TRAINING_RUNS
from db.database.tsql import (
    error_numbers,
    execute,
    query_optional,
    query_scalar,
    quote_name,
    quote_string,
)
from db.settings import SettingsError, SetupSettings
from db.writing.errors import explain

RESERVED = frozenset({"sa", "dbo", "guest", "public", "sys", "information_schema"})
SYSTEM_DATABASES = frozenset({"master", "model", "msdb", "tempdb"})
SERVICE_RIGHTS = MappingProxyType(
    {
        METRICS.name: ("SELECT", "INSERT"),
        TRAINING_RUNS.name: ("SELECT", "INSERT"),
        SCHEMA_VERSION.name: ("SELECT",),
    }
)
READER_RIGHTS = MappingProxyType({METRICS.name: ("SELECT",), TRAINING_RUNS.name: ("SELECT",)})

# Types in sys.server_principals and sys.database_principals other than S, a login with a password.
# https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-server-principals-transact-sql
OTHER_PRINCIPALS = {
    "A": "an application role",
    "C": "a principal of a certificate",
    "E": "an external user",
    "G": "a Windows group",
    "K": "a principal of an asymmetric key",
    "R": "a role",
    "U": "a Windows user",
    "X": "an external group",
}
LOGIN_HAS_ANOTHER_USER = 15063

# Type; the owning login's name, NULL if it is missing or invisible; whether it is the login of this
# name; the name by SID, which is visible without any right on the login.
USER = (
    "SELECT u.type, l.name, CASE WHEN l.name = ? THEN 1 ELSE 0 END, SUSER_SNAME(u.sid)"
    " FROM sys.database_principals u LEFT JOIN sys.server_principals l ON l.sid = u.sid"
    " WHERE u.name = ?"
)


@dataclass(frozen=True)
class Login:
    """A login, the variables of its name and password, and its rights by table."""

    name: str
    password: SecretStr = field(repr=False)
    name_variable: str
    password_variable: str
    rights: Mapping[str, tuple[str, ...]]

    @property
    def setting(self) -> str:
        """Return the name with its variable, for messages."""
        return f"{self.name_variable} = {self.name!r}"


def logins_of(settings: SetupSettings) -> list[Login]:
    """Return the service's login, and Grafana's if its password is set.

    Raises SettingsError if a login's settings are missing, reserved or those of another login, or
    if the database is a system database.
    """
    if settings.sql_db.strip().lower() in SYSTEM_DATABASES:
        raise SettingsError(
            f"SQL_DB = {settings.sql_db!r}",
            "is a system database of SQL Server",
            "Set it to another name, for instance sentiment",
        )
    admin, service, reader = (
        settings.sql_admin_user,
        settings.sql_user,
        settings.grafana_reader_user,
    )
    if (
        service is None
        or settings.sql_password is None
        or not _is_available(service, {admin.lower(), reader.lower()})
    ):
        raise SettingsError(
            f"SQL_USER = {service!r} or SQL_PASSWORD",
            "cannot be the service's login",
            f"Set both, with a name other than {admin!r} or {reader!r}",
        )
    logins = [Login(service, settings.sql_password, "SQL_USER", "SQL_PASSWORD", SERVICE_RIGHTS)]
    if settings.grafana_reader_password is None:
        return logins
    if not _is_available(reader, {admin.lower()}):
        raise SettingsError(
            f"GRAFANA_READER_USER = {reader!r}",
            "cannot be Grafana's login",
            f"Set it to a name other than {admin!r}",
        )
    password = settings.grafana_reader_password
    variables = ("GRAFANA_READER_USER", "GRAFANA_READER_PASSWORD")
    return [*logins, Login(reader, password, *variables, READER_RIGHTS)]


def _is_available(name: str, others: set[str]) -> bool:
    """Return whether a login may have a name; SQL Server ignores trailing blanks."""
    return name == name.strip() and name.lower() not in RESERVED | others


def ensure_login(
    server: Engine, login: Login, try_login: Callable[[], DBAPIError | None], reset: bool
) -> str:
    """Create a login if it is missing, and return the outcome as a line for the log.

    An existing login must have the password of the settings, or gets it if ``reset``. ``try_login``
    returns the server's refusal, None if it works. Comparing with the stored hash (PWDCOMPARE)
    instead needs membership of sysadmin, and does not detect locked or disabled accounts. Raises
    SetupError, and DBAPIError.
    """
    name = quote_name(login.name)
    password = f"WITH PASSWORD = {quote_string(login.password.get_secret_value())}"
    if not query_scalar(server, "SELECT 1 FROM sys.server_principals WHERE name = ?", login.name):
        execute(server, f"CREATE LOGIN {name} {password}")
        return f"created login {login.name}"
    principal = query_optional(
        server, "SELECT type FROM sys.server_principals WHERE name = ?", login.name
    )
    _reject_other_principal(login, None if principal is None else principal[0], "on this server")
    refusal = try_login()
    if refusal is None:
        return f"login {login.name} is ready"
    if not reset:
        raise SetupError(
            f"{login.setting} is an existing login with a password other than "
            f"{login.password_variable}: {explain(refusal)}. Set {login.password_variable} to its "
            f"password or {login.name_variable} to another name, or use --reset-passwords"
        )
    execute(server, f"ALTER LOGIN {name} {password}")
    return f"login {login.name} is ready (password updated)"


def ensure_user(database: Engine, login: Login) -> str:
    """Create or repair a login's user in a database, and return the outcome as a line for the log.

    Raises SetupError if the name belongs to another login, and DBAPIError.
    """
    name = quote_name(login.name)
    exists = "SELECT 1 FROM sys.database_principals WHERE name = ?"
    if not query_scalar(database, exists, login.name):
        _create_user(database, login)
        return f"created user {login.name}"
    row = query_optional(database, USER, login.name, login.name)
    if row is None:
        return f"user {login.name} is ready"
    kind, owner, is_ours, name_by_sid = row
    _reject_other_principal(login, kind, "in the database")
    if owner is not None and not is_ours:
        raise SetupError(
            f"{login.setting} is a user of the database that belongs to another login, {owner}. "
            f"Set {login.name_variable} to another name"
        )
    if owner is not None or name_by_sid is not None:
        return f"user {login.name} is ready"
    try:  # orphaned: the database was restored, or the login was created again
        execute(database, f"ALTER USER {name} WITH LOGIN = {name}")
    except DBAPIError as error:  # the check of the login's rights decides
        return f"user {login.name} is orphaned and could not be mapped to its login: {error.orig}"
    return f"user {login.name} was orphaned: mapped to its login again"


def _create_user(database: Engine, login: Login) -> None:
    name = quote_name(login.name)
    try:
        execute(database, f"CREATE USER {name} FOR LOGIN {name}")
    except DBAPIError as error:
        if LOGIN_HAS_ANOTHER_USER not in error_numbers(error.orig):
            raise
        raise SetupError(
            f"{login.setting} is a login that has a user of another name in the database, for "
            f"instance as its owner. Set {login.name_variable} to another login"
        ) from None


def _reject_other_principal(login: Login, kind: str | None, where: str) -> None:
    other = OTHER_PRINCIPALS.get((kind or "").strip())
    if other is not None:
        raise SetupError(
            f"{login.setting} is {other} {where}, not a login with a password. "
            f"Set {login.name_variable} to another name"
        )
