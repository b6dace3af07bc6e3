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

from db.database.compatibility import IncompatibleDatabaseError
from db.database.tsql import numbers
from db.prediction import NotAPredictionError
from db.settings import SettingsError
from db.spool.spool import SpoolError


class Failure(Enum):
    """The kinds of failures, by what helps."""

    TRANSIENT = "passes by itself"
    PERMANENT = "somebody has to act"
    DATA = "lies in the rows: others would be taken"
    UNKNOWN = "may lie in the rows"


# By the two characters of the SQLSTATE's class, or by the whole of it.
BY_SQLSTATE = {
    "08": Failure.TRANSIENT,  # connection
    "21": Failure.DATA,
    "22": Failure.DATA,
    "23": Failure.DATA,  # constraints; a unique key that another transaction holds too
    "25006": Failure.TRANSIENT,  # read-only: a standby that is about to take over
    "28": Failure.PERMANENT,  # login
    "3D": Failure.PERMANENT,  # no such database
    "3F": Failure.PERMANENT,  # no such schema
    "40": Failure.TRANSIENT,  # rolled back: deadlock, serialisation
    "42501": Failure.PERMANENT,  # permission
    "42S02": Failure.PERMANENT,  # no such table
    "42P01": Failure.PERMANENT,  # no such table
    "42S22": Failure.PERMANENT,  # no such column
    "42703": Failure.PERMANENT,  # no such column
    "44": Failure.DATA,
    "53": Failure.TRANSIENT,  # resources: disk, memory, connections
    "55": Failure.TRANSIENT,  # locks
    "57": Failure.TRANSIENT,  # shutting down, starting, cancelled for its time
    "58": Failure.TRANSIENT,  # input and output
    "HYT": Failure.TRANSIENT,  # timeouts
    "IM": Failure.PERMANENT,  # the driver itself
}

# SQL Server reports many an error of its own as SQLSTATE 42000; its number stands in the text.
# https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors
BY_NUMBER = {
    207: Failure.PERMANENT,  # no such column
    208: Failure.PERMANENT,  # no such table
    229: Failure.PERMANENT,  # permission denied on an object
    230: Failure.PERMANENT,  # permission denied on a column
    262: Failure.PERMANENT,  # permission denied in a database
    916: Failure.PERMANENT,  # the login is no user of the database
    4060: Failure.PERMANENT,  # the login may not open the database, or there is none
    4064: Failure.PERMANENT,  # nor its default one
    17892: Failure.PERMANENT,  # a trigger refuses the login
    18450: Failure.PERMANENT,  # there is no login of that name
    18452: Failure.PERMANENT,  # the login is of a domain that is not trusted
    18456: Failure.PERMANENT,  # login failed
    18470: Failure.PERMANENT,  # the account is disabled
    18486: Failure.PERMANENT,  # it is locked
    18487: Failure.PERMANENT,  # its password has expired
    18488: Failure.PERMANENT,  # its password must be changed
    701: Failure.TRANSIENT,  # memory
    921: Failure.TRANSIENT,  # the database is not recovered yet
    927: Failure.TRANSIENT,  # it is being restored
    952: Failure.TRANSIENT,  # it is in transition
    976: Failure.TRANSIENT,  # it is a replica that takes no connections
    983: Failure.TRANSIENT,  # its replica is not ready
    8645: Failure.TRANSIENT,  # waited too long for memory
    8651: Failure.TRANSIENT,  # less memory than a query needs
    1105: Failure.TRANSIENT,  # the file group is full
    1204: Failure.TRANSIENT,  # locks
    1205: Failure.TRANSIENT,  # deadlock
    1222: Failure.TRANSIENT,  # lock timeout
    3906: Failure.TRANSIENT,  # read-only: a standby
    6005: Failure.TRANSIENT,  # the server is shutting down
    9002: Failure.TRANSIENT,  # the transaction log is full
    18401: Failure.TRANSIENT,  # the server is starting
    18451: Failure.TRANSIENT,  # only administrators may log in at this time
    18461: Failure.TRANSIENT,  # the server is in single-user mode
    40613: Failure.TRANSIENT,  # the database is not available now (Azure)
    8114: Failure.DATA,  # a value cannot be converted
    8169: Failure.DATA,  # nor a text into an id
    13609: Failure.DATA,  # it is no JSON
    # FreeTDS's own, some of which come as a mere warning (01000)
    20003: Failure.TRANSIENT,  # timeout
    20004: Failure.TRANSIENT,  # reading failed
    20006: Failure.TRANSIENT,  # writing failed
    20009: Failure.TRANSIENT,  # no connection
    20017: Failure.TRANSIENT,  # unexpected end of file
    20047: Failure.TRANSIENT,  # the connection is dead
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
    "OperationalError": Failure.TRANSIENT,
    "InterfaceError": Failure.TRANSIENT,
    "DataError": Failure.DATA,
}

SQLITE = {
    sqlite3.SQLITE_BUSY: Failure.TRANSIENT,
    sqlite3.SQLITE_LOCKED: Failure.TRANSIENT,
    sqlite3.SQLITE_FULL: Failure.TRANSIENT,
    sqlite3.SQLITE_IOERR: Failure.TRANSIENT,
    sqlite3.SQLITE_CANTOPEN: Failure.TRANSIENT,
    sqlite3.SQLITE_READONLY: Failure.PERMANENT,
    sqlite3.SQLITE_PERM: Failure.PERMANENT,
    sqlite3.SQLITE_NOTADB: Failure.PERMANENT,
    sqlite3.SQLITE_CORRUPT: Failure.PERMANENT,
    sqlite3.SQLITE_ERROR: Failure.PERMANENT,  # no such table or column
    sqlite3.SQLITE_CONSTRAINT: Failure.DATA,
    sqlite3.SQLITE_MISMATCH: Failure.DATA,
    sqlite3.SQLITE_TOOBIG: Failure.DATA,
}


def kind_of(error: Exception) -> Failure:
    """Tell what an error of SQLAlchemy or of a driver means."""
    if isinstance(error, DBAPIError):
        if is_of_connecting(error) and REFUSED_SERVER.search(str(error.orig)):
            return Failure.PERMANENT
        return Failure.TRANSIENT if error.connection_invalidated else _kind_of(error.orig)
    if isinstance(error, NotAPredictionError | UnicodeError):
        return Failure.DATA
    if isinstance(error, IncompatibleDatabaseError | SettingsError):
        return Failure.PERMANENT
    # SQLAlchemy's own are those of a connection that broke while it was asked something
    if isinstance(error, SpoolError | ResourceClosedError | PendingRollbackError):
        return Failure.TRANSIENT
    return Failure.UNKNOWN if isinstance(error, SQLAlchemyError) else _kind_of(error)


def is_of_connecting(error: Exception) -> bool:
    """Return whether there was no statement yet, or no more, when an error came."""
    return isinstance(error, DBAPIError) and error.statement is None


def sqlstate(error: BaseException | None) -> str | None:
    """Return the SQLSTATE of a driver's error, None where it has none."""
    state = getattr(error, "sqlstate", None)  # psycopg
    if state is None and error is not None and error.args:  # pyodbc
        state = error.args[0]
    return state if isinstance(state, str) and re.fullmatch("[0-9A-Z]{5}", state) else None


def _kind_of(error: BaseException | None) -> Failure:
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", None)  # its low byte is the primary code
        return Failure.UNKNOWN if code is None else SQLITE.get(code & 0xFF, Failure.UNKNOWN)
    state = sqlstate(error)
    if state is None and PASSING_REFUSAL.search(str(error)) is None and "FATAL:" in str(error):
        return Failure.PERMANENT
    if state is None:
        names = [kind.__name__ for kind in type(error).__mro__]  # psycopg's own are subclasses
        return next((BY_CLASS[name] for name in names if name in BY_CLASS), Failure.UNKNOWN)
    by_number = next((BY_NUMBER[n] for n in numbers(error) if n in BY_NUMBER), Failure.UNKNOWN)
    if state.startswith("28") and by_number is not Failure.UNKNOWN:
        return by_number  # a server that starts refuses logins, too
    for prefix in (state, state[:3], state[:2]):
        if prefix in BY_SQLSTATE:
            return BY_SQLSTATE[prefix]
    return by_number
