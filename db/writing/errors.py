"""What an error of the database means for the rows that were to be written.

SQLSTATE classes are those of the SQL standard (ISO/IEC 9075-2, subclause "SQLSTATE") with what
PostgreSQL and ODBC add: https://www.postgresql.org/docs/current/errcodes-appendix.html,
https://learn.microsoft.com/sql/odbc/reference/appendixes/appendix-a-odbc-error-codes
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
    """The kinds of failures, by what helps."""

    TRANSIENT = "passes by itself"
    PERMANENT = "somebody has to act"
    DATA = "lies in the rows: others would be taken"
    UNKNOWN = "may lie in the rows"


# By the two characters of the SQLSTATE's class, or by the whole of it.
BY_SQLSTATE = {
    "08": ErrorKind.TRANSIENT,  # connection
    "21": ErrorKind.DATA,
    "22": ErrorKind.DATA,
    "23": ErrorKind.DATA,  # constraints; a unique key that another transaction holds too
    "25006": ErrorKind.TRANSIENT,  # read-only: a standby that is about to take over
    "28": ErrorKind.PERMANENT,  # login
    "3D": ErrorKind.PERMANENT,  # no such database
    "3F": ErrorKind.PERMANENT,  # no such schema
    "40": ErrorKind.TRANSIENT,  # rolled back: deadlock, serialisation
    "42501": ErrorKind.PERMANENT,  # permission
    "42S02": ErrorKind.PERMANENT,  # no such table
    "42P01": ErrorKind.PERMANENT,  # no such table
    "42S22": ErrorKind.PERMANENT,  # no such column
    "42703": ErrorKind.PERMANENT,  # no such column
    "44": ErrorKind.DATA,
    "53": ErrorKind.TRANSIENT,  # resources: disk, memory, connections
    "55": ErrorKind.TRANSIENT,  # locks
    "57": ErrorKind.TRANSIENT,  # shutting down, starting, cancelled for its time
    "58": ErrorKind.TRANSIENT,  # input and output
    "HYT": ErrorKind.TRANSIENT,  # timeouts
    "IM": ErrorKind.PERMANENT,  # the driver itself
}

# SQL Server reports many an error of its own as SQLSTATE 42000; its number stands in the text.
# https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors
BY_NUMBER = {
    207: ErrorKind.PERMANENT,  # no such column
    208: ErrorKind.PERMANENT,  # no such table
    229: ErrorKind.PERMANENT,  # permission denied on an object
    230: ErrorKind.PERMANENT,  # permission denied on a column
    262: ErrorKind.PERMANENT,  # permission denied in a database
    916: ErrorKind.PERMANENT,  # the login is no user of the database
    4060: ErrorKind.PERMANENT,  # the login may not open the database, or there is none
    4064: ErrorKind.PERMANENT,  # nor its default one
    17892: ErrorKind.PERMANENT,  # a trigger refuses the login
    18450: ErrorKind.PERMANENT,  # there is no login of that name
    18452: ErrorKind.PERMANENT,  # the login is of a domain that is not trusted
    18456: ErrorKind.PERMANENT,  # login failed
    18470: ErrorKind.PERMANENT,  # the account is disabled
    18486: ErrorKind.PERMANENT,  # it is locked
    18487: ErrorKind.PERMANENT,  # its password has expired
    18488: ErrorKind.PERMANENT,  # its password must be changed
    701: ErrorKind.TRANSIENT,  # memory
    921: ErrorKind.TRANSIENT,  # the database is not recovered yet
    927: ErrorKind.TRANSIENT,  # it is being restored
    952: ErrorKind.TRANSIENT,  # it is in transition
    976: ErrorKind.TRANSIENT,  # it is a replica that takes no connections
    983: ErrorKind.TRANSIENT,  # its replica is not ready
    8645: ErrorKind.TRANSIENT,  # waited too long for memory
    8651: ErrorKind.TRANSIENT,  # less memory than a query needs
    1105: ErrorKind.TRANSIENT,  # the file group is full
    1204: ErrorKind.TRANSIENT,  # locks
    1205: ErrorKind.TRANSIENT,  # deadlock
    1222: ErrorKind.TRANSIENT,  # lock timeout
    3906: ErrorKind.TRANSIENT,  # read-only: a standby
    6005: ErrorKind.TRANSIENT,  # the server is shutting down
    9002: ErrorKind.TRANSIENT,  # the transaction log is full
    18401: ErrorKind.TRANSIENT,  # the server is starting
    18451: ErrorKind.TRANSIENT,  # only administrators may log in at this time
    18461: ErrorKind.TRANSIENT,  # the server is in single-user mode
    40613: ErrorKind.TRANSIENT,  # the database is not available now (Azure)
    8114: ErrorKind.DATA,  # a value cannot be converted
    8169: ErrorKind.DATA,  # nor a text into an id
    13609: ErrorKind.DATA,  # it is no JSON
    # FreeTDS's own, some of which come as a mere warning (01000)
    20003: ErrorKind.TRANSIENT,  # timeout
    20004: ErrorKind.TRANSIENT,  # reading failed
    20006: ErrorKind.TRANSIENT,  # writing failed
    20009: ErrorKind.TRANSIENT,  # no connection
    20017: ErrorKind.TRANSIENT,  # unexpected end of file
    20047: ErrorKind.TRANSIENT,  # the connection is dead
}

# PostgreSQL refuses connections with FATAL, and libpq does not pass the SQLSTATE on: a wrong
# password or a missing database is for somebody to correct, these pass.
PASSING_REFUSAL = re.compile("starting up|shutting down|recovery|too many|remaining|terminating")

# A server that is not who it is to be, or not encrypted as it is to be. OpenSSL's words, libpq's.
REFUSED_SERVER = re.compile(
    "certificate verify failed|SSL was required|root certificate file|server certificate for",
    re.IGNORECASE,
)

# Drivers name their errors as the DB-API does; they have no SQLSTATE where no server was asked.
BY_CLASS = {
    "OperationalError": ErrorKind.TRANSIENT,
    "InterfaceError": ErrorKind.TRANSIENT,
    "DataError": ErrorKind.DATA,
}

SQLITE = {
    sqlite3.SQLITE_BUSY: ErrorKind.TRANSIENT,
    sqlite3.SQLITE_LOCKED: ErrorKind.TRANSIENT,
    sqlite3.SQLITE_FULL: ErrorKind.TRANSIENT,
    sqlite3.SQLITE_IOERR: ErrorKind.TRANSIENT,
    sqlite3.SQLITE_CANTOPEN: ErrorKind.TRANSIENT,
    sqlite3.SQLITE_READONLY: ErrorKind.PERMANENT,
    sqlite3.SQLITE_PERM: ErrorKind.PERMANENT,
    sqlite3.SQLITE_NOTADB: ErrorKind.PERMANENT,
    sqlite3.SQLITE_CORRUPT: ErrorKind.PERMANENT,
    sqlite3.SQLITE_ERROR: ErrorKind.PERMANENT,  # no such table or column
    sqlite3.SQLITE_CONSTRAINT: ErrorKind.DATA,
    sqlite3.SQLITE_MISMATCH: ErrorKind.DATA,
    sqlite3.SQLITE_TOOBIG: ErrorKind.DATA,
}


def classify(error: Exception) -> ErrorKind:
    """Tell what an error of SQLAlchemy or of a driver means."""
    if isinstance(error, DBAPIError):
        if is_connection_error(error) and REFUSED_SERVER.search(str(error.orig)):
            return ErrorKind.PERMANENT
        return ErrorKind.TRANSIENT if error.connection_invalidated else _classify(error.orig)
    if isinstance(error, NotAPredictionError | UnicodeError):
        return ErrorKind.DATA
    if isinstance(error, IncompatibleDatabaseError | SettingsError):
        return ErrorKind.PERMANENT
    # SQLAlchemy's own are those of a connection that broke while it was asked something
    if isinstance(error, SpoolError | ResourceClosedError | PendingRollbackError):
        return ErrorKind.TRANSIENT
    return ErrorKind.UNKNOWN if isinstance(error, SQLAlchemyError) else _classify(error)


def is_connection_error(error: Exception) -> bool:
    """Return whether there was no statement yet, or no more, when an error came."""
    return isinstance(error, DBAPIError) and error.statement is None


def sqlstate(error: BaseException | None) -> str | None:
    """Return the SQLSTATE of a driver's error, None where it has none."""
    state = getattr(error, "sqlstate", None)  # psycopg
    if state is None and error is not None and error.args:  # pyodbc
        state = error.args[0]
    return state if isinstance(state, str) and re.fullmatch("[0-9A-Z]{5}", state) else None


def _classify(error: BaseException | None) -> ErrorKind:
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", None)  # its low byte is the primary code
        return ErrorKind.UNKNOWN if code is None else SQLITE.get(code & 0xFF, ErrorKind.UNKNOWN)
    state = sqlstate(error)
    if state is None and PASSING_REFUSAL.search(str(error)) is None and "FATAL:" in str(error):
        return ErrorKind.PERMANENT
    if state is None:
        names = [kind.__name__ for kind in type(error).__mro__]  # psycopg's own are subclasses
        return next((BY_CLASS[name] for name in names if name in BY_CLASS), ErrorKind.UNKNOWN)
    by_number = next(
        (BY_NUMBER[n] for n in error_numbers(error) if n in BY_NUMBER), ErrorKind.UNKNOWN
    )
    if state.startswith("28") and by_number is not ErrorKind.UNKNOWN:
        return by_number  # a server that starts refuses logins, too
    for prefix in (state, state[:3], state[:2]):
        if prefix in BY_SQLSTATE:
            return BY_SQLSTATE[prefix]
    return by_number


STATES = {  # of an account whose password may be right
    18470: "the account is disabled: ALTER LOGIN … ENABLE",
    18486: "the account is locked: ALTER LOGIN … WITH PASSWORD = … UNLOCK",
    18487: "the password has expired: ALTER LOGIN … WITH PASSWORD = …",
    18488: "the password must be changed first: ALTER LOGIN … WITH PASSWORD = …",
}
REFUSED = {18450, 18452, 18456, *STATES}
# The database cannot be opened: that is found after the password was right, and 18456 follows.
NOT_OPENED = {916, 4060, 4064}
# PostgreSQL's words: libpq does not pass the SQLSTATE of a refused connection on.
POSTGRESQL = re.compile(
    'authentication failed|role ".*" does not exist|not permitted to log in', re.IGNORECASE
)


def is_login_refused(error: Exception) -> bool:
    """Return whether a connection was refused for its login: more attempts may lock the account."""
    return (
        isinstance(error, DBAPIError)
        and is_connection_error(error)
        and classify(error) is ErrorKind.PERMANENT  # a server that starts refuses logins, too
        and refuses_password(error)
    )


def refuses_password(error: DBAPIError) -> bool:
    """Return whether a login was refused for its name, its password or its account's state."""
    said = set(error_numbers(error.orig))
    if said & NOT_OPENED:
        return False
    state = sqlstate(error.orig)
    if state is None:
        return POSTGRESQL.search(str(error.orig)) is not None
    return bool(said & REFUSED) or state.startswith("28")


def opens_no_database(error: DBAPIError) -> bool:
    """Return whether a login had the right password, but may not use the database."""
    return not NOT_OPENED.isdisjoint(error_numbers(error.orig))


def is_lasting(error: DBAPIError) -> bool:
    """Return whether another attempt helps only if somebody has acted."""
    return refuses_password(error) or classify(error) is ErrorKind.PERMANENT


def is_hopeless(error: DBAPIError) -> bool:
    """Return whether no attempt can help: there is no driver or no such file, or no trust."""
    if isinstance(error.orig, sqlite3.Error):  # which has waited for locks already
        return True
    text = str(error.orig)
    is_without_driver = (sqlstate(error.orig) or "").startswith("IM") or "Can't open lib" in text
    return is_without_driver or "certificate" in text.lower() or bool(REFUSED_SERVER.search(text))


def reason(error: DBAPIError) -> str:
    """Return what the driver says, and what it means for the account if that is known."""
    states = [STATES[number] for number in error_numbers(error.orig) if number in STATES]
    return "; ".join([str(error.orig), *states])
