"""Classify database errors: retry, fix the set-up, or reject the row.

SQLSTATE classes are those of the SQL standard (ISO/IEC 9075-2, subclause "SQLSTATE") and of
PostgreSQL and ODBC: https://www.postgresql.org/docs/current/errcodes-appendix.html,
https://learn.microsoft.com/sql/odbc/reference/appendixes/appendix-a-odbc-error-codes
Numbers are those of SQL Server:
https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors
"""

import re
import sqlite3
from enum import Enum

from sqlalchemy.exc import (
    DBAPIError,
    PendingRollbackError,
    ResourceClosedError,
    SQLAlchemyError,
)

from db.database.tsql import IncompatibleDatabaseError, error_numbers
from db.prediction import NotAPredictionError
from db.settings import SettingsError
from db.spool.spool import SpoolError


class ErrorKind(Enum):
    """What to do about an error."""

    TRANSIENT = "retry"
    PERMANENT = "an administrator has to fix the set-up"
    DATA = "reject the row"
    UNKNOWN = "find out whether it is the row"


TRANSIENT, PERMANENT, DATA, UNKNOWN = ErrorKind


# By SQLSTATE or its class (the first two or three characters).
BY_SQLSTATE = {
    "08": TRANSIENT,  # connection
    "21": DATA,
    "22": DATA,
    "23": DATA,  # constraint violation
    "25006": TRANSIENT,  # read-only: a standby before failover
    "28": PERMANENT,  # login
    "3D": PERMANENT,  # no such database
    "3F": PERMANENT,  # no such schema
    "40": TRANSIENT,  # rolled back: deadlock, serialization
    "42501": PERMANENT,  # permission
    "42S02": PERMANENT,  # no such table
    "42P01": PERMANENT,  # no such table
    "42S22": PERMANENT,  # no such column
    "42703": PERMANENT,  # no such column
    "44": DATA,
    "53": TRANSIENT,  # resources: disk, memory, connections
    "55": TRANSIENT,  # locks
    "57": TRANSIENT,  # shutdown, start-up, cancelled by a timeout
    "58": TRANSIENT,  # input and output
    "HYT": TRANSIENT,  # timeouts
    "IM": PERMANENT,  # the driver itself
}

# SQL Server reports many errors as SQLSTATE 42000 with the number in the message.
BY_NUMBER = {
    207: PERMANENT,  # no such column
    208: PERMANENT,  # no such table
    229: PERMANENT,  # permission denied on an object
    230: PERMANENT,  # permission denied on a column
    262: PERMANENT,  # permission denied in a database
    916: PERMANENT,  # the login has no user in the database
    4060: PERMANENT,  # the database does not exist, or the login may not open it
    4064: PERMANENT,  # the same for the default database
    17892: PERMANENT,  # refused by a logon trigger
    18450: PERMANENT,  # login unknown
    18452: PERMANENT,  # untrusted domain
    18456: PERMANENT,  # login failed
    18470: PERMANENT,  # account disabled
    18486: PERMANENT,  # account locked
    18487: PERMANENT,  # password expired
    18488: PERMANENT,  # password must be changed
    701: TRANSIENT,  # out of memory
    921: TRANSIENT,  # database in recovery
    927: TRANSIENT,  # being restored
    952: TRANSIENT,  # in transition
    976: TRANSIENT,  # a replica without connections
    983: TRANSIENT,  # replica not ready
    8645: TRANSIENT,  # timeout while waiting for memory
    8651: TRANSIENT,  # too little memory for the query
    1105: TRANSIENT,  # file group full
    1204: TRANSIENT,  # out of locks
    1205: TRANSIENT,  # deadlock
    1222: TRANSIENT,  # lock timeout
    3906: TRANSIENT,  # read-only: a standby
    6005: TRANSIENT,  # server shutting down
    9002: TRANSIENT,  # transaction log full
    18401: TRANSIENT,  # server starting
    18451: TRANSIENT,  # only administrators may log in now
    18461: TRANSIENT,  # single-user mode
    40613: TRANSIENT,  # database not available (Azure)
    8114: DATA,  # a value cannot be converted
    8169: DATA,  # a text cannot be converted into an id
    13609: DATA,  # invalid JSON
    # of FreeTDS, which reports some as a warning (01000)
    20003: TRANSIENT,  # timeout
    20004: TRANSIENT,  # read failed
    20006: TRANSIENT,  # write failed
    20009: TRANSIENT,  # connect failed
    20017: TRANSIENT,  # unexpected end of file
    20047: TRANSIENT,  # connection dead
}

# PostgreSQL refuses connections with FATAL, and libpq hides the SQLSTATE. These are transient;
# others, such as a wrong password or a missing database, are permanent.
TRANSIENT_FATAL = re.compile("starting up|shutting down|recovery|too many|remaining|terminating")

# An untrusted certificate or missing encryption, in the words of OpenSSL and libpq.
TLS_FAILURE = re.compile(
    "certificate verify failed|SSL was required|root certificate file|server certificate for",
    re.IGNORECASE,
)

# DB-API classes, for errors without a SQLSTATE: raised before the driver reached a server.
BY_CLASS = {
    "OperationalError": TRANSIENT,
    "InterfaceError": TRANSIENT,
    "DataError": DATA,
}

SQLITE = {
    sqlite3.SQLITE_BUSY: TRANSIENT,
    sqlite3.SQLITE_LOCKED: TRANSIENT,
    sqlite3.SQLITE_FULL: TRANSIENT,
    sqlite3.SQLITE_IOERR: TRANSIENT,
    sqlite3.SQLITE_CANTOPEN: TRANSIENT,
    sqlite3.SQLITE_READONLY: PERMANENT,
    sqlite3.SQLITE_PERM: PERMANENT,
    sqlite3.SQLITE_NOTADB: PERMANENT,
    sqlite3.SQLITE_CORRUPT: PERMANENT,
    sqlite3.SQLITE_ERROR: PERMANENT,  # no such table or column
    sqlite3.SQLITE_CONSTRAINT: DATA,
    sqlite3.SQLITE_MISMATCH: DATA,
    sqlite3.SQLITE_TOOBIG: DATA,
}

ACCOUNT_PROBLEMS = {  # with a password that may be right
    18470: "the account is disabled: ALTER LOGIN … ENABLE",
    18486: "the account is locked: ALTER LOGIN … WITH PASSWORD = … UNLOCK",
    18487: "the password has expired: ALTER LOGIN … WITH PASSWORD = …",
    18488: "the password must be changed first: ALTER LOGIN … WITH PASSWORD = …",
}
LOGIN_REFUSED = {18450, 18452, 18456, *ACCOUNT_PROBLEMS}
# The password is right, but the database cannot be opened; 18456 follows.
DATABASE_DENIED = {916, 4060, 4064}
# Of PostgreSQL, since libpq hides the SQLSTATE of a refused connection.
POSTGRESQL_LOGIN_REFUSED = re.compile(
    'authentication failed|role ".*" does not exist|not permitted to log in', re.IGNORECASE
)


def classify(error: Exception) -> ErrorKind:
    """Return the kind of an error of SQLAlchemy, a driver, the spool or the settings."""
    if isinstance(error, DBAPIError):
        if is_connection_error(error) and TLS_FAILURE.search(str(error.orig)):
            return PERMANENT
        return TRANSIENT if error.connection_invalidated else _classify(error.orig)
    if isinstance(error, NotAPredictionError | UnicodeError):
        return DATA
    if isinstance(error, IncompatibleDatabaseError | SettingsError):
        return PERMANENT
    # SQLAlchemy raises the last two if a connection broke during its own queries
    if isinstance(error, SpoolError | ResourceClosedError | PendingRollbackError):
        return TRANSIENT
    return UNKNOWN if isinstance(error, SQLAlchemyError) else _classify(error)


def is_connection_error(error: Exception) -> bool:
    """Return whether an error was raised while connecting rather than by a statement."""
    return isinstance(error, DBAPIError) and error.statement is None


def sqlstate(error: BaseException | None) -> str | None:
    """Return the SQLSTATE of a driver's error, None if it has none."""
    state = getattr(error, "sqlstate", None)  # psycopg
    if state is None and error is not None and error.args:  # pyodbc
        state = error.args[0]
    return state if isinstance(state, str) and re.fullmatch("[0-9A-Z]{5}", state) else None


def error_name(error: Exception) -> str:
    """Return an error's class, and its SQLSTATE if it has one."""
    state = sqlstate(getattr(error, "orig", error))
    return type(error).__name__ + (f" {state}" if state else "")


def error_message(error: Exception) -> str:
    """Return the first line of the driver's message; PostgreSQL quotes the row in the second."""
    return str(getattr(error, "orig", error)).partition("\n")[0]


def is_login_refused(error: Exception) -> bool:
    """Return whether a connection failed because of its login: retries may lock the account."""
    return (
        isinstance(error, DBAPIError)
        and is_connection_error(error)
        and classify(error) is PERMANENT  # a starting server refuses logins too
        and is_credentials_error(error)
    )


def is_credentials_error(error: DBAPIError) -> bool:
    """Return whether an error is about the login's name, password or account."""
    said = set(error_numbers(error.orig))
    if said & DATABASE_DENIED:
        return False
    state = sqlstate(error.orig)
    if state is None:
        return POSTGRESQL_LOGIN_REFUSED.search(str(error.orig)) is not None
    return bool(said & LOGIN_REFUSED) or state.startswith("28")


def is_database_access_denied(error: DBAPIError) -> bool:
    """Return whether the login is right but may not open the database."""
    return not DATABASE_DENIED.isdisjoint(error_numbers(error.orig))


def requires_action(error: DBAPIError) -> bool:
    """Return whether a retry is useless until the cause is fixed."""
    return is_credentials_error(error) or classify(error) is PERMANENT


def is_fatal(error: DBAPIError) -> bool:
    """Return whether a retry cannot help: driver or file missing, or certificate not trusted."""
    if isinstance(error.orig, sqlite3.Error):  # it has waited for locks already
        return True
    text = str(error.orig)
    is_without_driver = (sqlstate(error.orig) or "").startswith("IM") or "Can't open lib" in text
    return is_without_driver or "certificate" in text.lower() or bool(TLS_FAILURE.search(text))


def explain(error: DBAPIError) -> str:
    """Return the driver's message, with a remedy if the account is disabled or locked."""
    problems = [ACCOUNT_PROBLEMS[n] for n in error_numbers(error.orig) if n in ACCOUNT_PROBLEMS]
    return "; ".join([str(error.orig), *problems])


def _classify(error: BaseException | None) -> ErrorKind:
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", None)  # the low byte is the primary code
        return UNKNOWN if code is None else SQLITE.get(code & 0xFF, UNKNOWN)
    state = sqlstate(error)
    if state is None and TRANSIENT_FATAL.search(str(error)) is None and "FATAL:" in str(error):
        return PERMANENT
    if state is None:
        names = [kind.__name__ for kind in type(error).__mro__]  # psycopg raises subclasses
        return next((BY_CLASS[name] for name in names if name in BY_CLASS), UNKNOWN)
    by_number = next((BY_NUMBER[n] for n in error_numbers(error) if n in BY_NUMBER), UNKNOWN)
    if state.startswith("28") and by_number is not UNKNOWN:
        return by_number  # a starting server refuses logins too
    for prefix in (state, state[:3], state[:2]):
        if prefix in BY_SQLSTATE:
            return BY_SQLSTATE[prefix]
    return by_number
