"""SQL Server's logins and users: created, mended after a restore, but never taken from others."""

from collections.abc import Callable

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from db.admin.setup_error import SetupError
from db.admin.setup_logins import Login
from db.database.tsql import execute, known, numbers, quoted_name, quoted_text, value
from db.writing.errors import reason

# By the types of sys.server_principals and sys.database_principals; S, with a password, is ours.
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

# The owner's name, None if it is gone or may not be seen; whether that is the login of this name;
# and a name by its SID, which needs no right to see the login.
USER = (
    "SELECT u.type, l.name, CASE WHEN l.name = ? THEN 1 ELSE 0 END, SUSER_SNAME(u.sid)"
    " FROM sys.database_principals u LEFT JOIN sys.server_principals l ON l.sid = u.sid"
    " WHERE u.name = ?"
)


def ensure_login(
    server: Engine, login: Login, refusal: Callable[[], DBAPIError | None], reset: bool
) -> str:
    """Create a login that is missing; return what was done.

    One that exists keeps its password, which must be that of the settings, unless ``reset``.
    ``refusal`` tries to log in and returns the server's refusal. It is tried rather than compared
    with the stored hash (PWDCOMPARE), which only members of sysadmin can read, and which does not
    show that an account is locked or disabled. Raises SetupError, and DBAPIError.
    """
    name = quoted_name(login.name)
    password = f"WITH PASSWORD = {quoted_text(login.password.get_secret_value())}"
    if not value(server, "SELECT 1 FROM sys.server_principals WHERE name = ?", login.name):
        execute(server, f"CREATE LOGIN {name} {password}")
        return f"created login {login.name}"
    kind = known(server, "SELECT type FROM sys.server_principals WHERE name = ?", login.name)
    _refuse_other_principal(login, None if kind is None else kind[0], "on this server")
    refused = refusal()
    if refused is None:
        return f"login {login.name} is ready"
    if not reset:
        raise SetupError(
            f"{login.shown} is a login that exists and does not take {login.password_variable}: "
            f"{reason(refused)}. Set {login.password_variable} to its password, or "
            f"{login.name_variable} to another name; --reset-passwords gives it a new password"
        )
    execute(server, f"ALTER LOGIN {name} {password}")
    return f"login {login.name} is ready (password reset)"


def ensure_user(database: Engine, login: Login) -> str:
    """Create a login's user in a database, or give it back to the login; return what was done.

    Raises SetupError if the name belongs to somebody else there, and DBAPIError.
    """
    name = quoted_name(login.name)
    if not value(database, "SELECT 1 FROM sys.database_principals WHERE name = ?", login.name):
        _create_user(database, login)
        return f"created user {login.name}"
    row = known(database, USER, login.name, login.name)
    if row is None:
        return f"user {login.name} is ready"
    kind, owner, is_ours, name_by_sid = row
    _refuse_other_principal(login, kind, "in the database")
    if owner is not None and not is_ours:
        raise SetupError(
            f"{login.shown} is a user of the database that belongs to another login, {owner}. "
            f"Set {login.name_variable} to another name"
        )
    if owner is not None or name_by_sid is not None:
        return f"user {login.name} is ready"
    try:  # the database was restored, or the login was made anew
        execute(database, f"ALTER USER {name} WITH LOGIN = {name}")
    except DBAPIError as error:  # the check of what the login may do decides
        return f"user {login.name} has lost its login, and did not get it back: {error.orig}"
    return f"user {login.name} had lost its login, and has it back"


def _create_user(database: Engine, login: Login) -> None:
    name = quoted_name(login.name)
    try:
        execute(database, f"CREATE USER {name} FOR LOGIN {name}")
    except DBAPIError as error:
        if LOGIN_HAS_ANOTHER_USER not in numbers(error.orig):
            raise
        raise SetupError(
            f"{login.shown} is a login that the database knows under another name, as it does its "
            f"owner. Set {login.name_variable} to another login"
        ) from None


def _refuse_other_principal(login: Login, kind: str | None, where: str) -> None:
    other = OTHER_PRINCIPALS.get((kind or "").strip())
    if other is not None:
        raise SetupError(
            f"{login.shown} is {other} {where}, not a login with a password. "
            f"Set {login.name_variable} to another name"
        )
