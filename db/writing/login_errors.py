"""Logins that a database refuses, as opposed to one that is away.

Source: the messages 18400 to 18499 of sys.messages.
https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors
"""

import re
import sqlite3

from sqlalchemy.exc import DBAPIError

from db.database.tsql import numbers
from db.writing.errors import REFUSED_SERVER, Failure, is_of_connecting, kind_of, sqlstate

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
        and is_of_connecting(error)
        and kind_of(error) is Failure.PERMANENT  # a server that starts refuses logins, too
        and refuses_password(error)
    )


def refuses_password(error: DBAPIError) -> bool:
    """Return whether a login was refused for its name, its password or its account's state."""
    said = set(numbers(error.orig))
    if said & NOT_OPENED:
        return False
    state = sqlstate(error.orig)
    if state is None:
        return POSTGRESQL.search(str(error.orig)) is not None
    return bool(said & REFUSED) or state.startswith("28")


def opens_no_database(error: DBAPIError) -> bool:
    """Return whether a login had the right password, but may not use the database."""
    return not NOT_OPENED.isdisjoint(numbers(error.orig))


def is_lasting(error: DBAPIError) -> bool:
    """Return whether another attempt helps only if somebody has acted."""
    return refuses_password(error) or kind_of(error) is Failure.PERMANENT


def is_hopeless(error: DBAPIError) -> bool:
    """Return whether no attempt can help: there is no driver or no such file, or no trust."""
    if isinstance(error.orig, sqlite3.Error):  # which has waited for locks already
        return True
    text = str(error.orig)
    is_without_driver = (sqlstate(error.orig) or "").startswith("IM") or "Can't open lib" in text
    return is_without_driver or "certificate" in text.lower() or bool(REFUSED_SERVER.search(text))


def reason(error: DBAPIError) -> str:
    """Return what the driver says, and what it means for the account if that is known."""
    states = [STATES[number] for number in numbers(error.orig) if number in STATES]
    return "; ".join([str(error.orig), *states])
