"""Parse DATABASE_URL, rejecting URLs whose password could be read as host or database."""

import re

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

# What SQLAlchemy parses as user and password: `_parse_url` in sqlalchemy/engine/url.py.
USER_INFO = re.compile(r"(?:[^:/]*(?::[^@]*)?@)?")
HOST = r"(?:\[[\w.:%]+\]|[\w.,\\$-]*)(?::\d*)?"  # host\INSTANCE and host,port for SQL Server
HOST_AND_DATABASE = re.compile(rf"{HOST}(?:/[^?#:@]*)?(?:\?(.*))?")
HOST_ALONE = re.compile(rf"{HOST}(?=[/?])")
PARAMETER = re.compile(r"[A-Za-z_][\w .-]*=.*")
LIKE_USER_INFO = re.compile(r"(?!file:)/*[^/:@]*:[^@]*@")
SQLITE = ("sqlite", "sqlite+pysqlite")
# Parameters of psycopg.connect and SQLAlchemy beyond libpq's.
PSYCOPG_PARAMETERS = {"autocommit", "plugin", "prepare_threshold"}


class DatabaseUrlError(Exception):
    """DATABASE_URL is ambiguous or invalid; the text contains no part of it."""


def parse_url(text: str) -> URL:
    """Return the URL of a database.

    SQLAlchemy parses nearly any text: in ``postgresql://u:p@ss/w@host/db`` the host is ``ss``,
    which logs and drivers' errors would show. Raises DatabaseUrlError for such a URL.
    """
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):  # its text may contain a part of the password
        raise DatabaseUrlError("is not a valid SQLAlchemy URL") from None
    after_scheme = text.partition("://")[2]
    if url.drivername in SQLITE:
        is_safe = _is_path(after_scheme)
    else:
        is_safe = _is_unambiguous(after_scheme) and not _unknown_to_libpq(url)
    if not is_safe or not text.isprintable():
        raise DatabaseUrlError("is ambiguous")
    if not all((part or "").isprintable() for part in (url.username, url.host, url.database)):
        raise DatabaseUrlError("contains a percent-encoded control character")  # would be logged
    return url


def host_and_database(url: URL) -> str:
    """Return a URL's host and database for logs; its query may contain a password."""
    if url.drivername in SQLITE and "@" in (url.database or ""):
        return "a file"
    place = "/".join(part for part in (url.host, url.database) if part)
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in place)


def _is_path(after_scheme: str) -> bool:
    """Return whether a SQLite URL has a path only, which begins at the third slash."""
    has_host = after_scheme[:1] not in ("", "/", "?")
    return not has_host and not LIKE_USER_INFO.match(after_scheme)


def _is_unambiguous(after_scheme: str) -> bool:
    user_info = USER_INFO.match(after_scheme)
    rest = after_scheme[user_info.end() :] if user_info else after_scheme
    if len(rest) < len(after_scheme) and (
        "@" in rest  # part of the password
        or HOST_ALONE.match(after_scheme)  # the @ may be part of the query
    ):
        return False
    found = HOST_AND_DATABASE.fullmatch(rest)
    if found is None:
        return False
    parameters = (found[1] or "").split("&")
    return all(PARAMETER.fullmatch(each) for each in parameters if each)


def _unknown_to_libpq(url: URL) -> set[str]:
    """Return parameters that libpq does not know: an & may be part of the password."""
    if not url.query or url.drivername not in ("postgresql", "postgresql+psycopg"):
        return set()
    from psycopg.pq import Conninfo  # pylint: disable=import-outside-toplevel  # takes 0.1 s

    known = {option.keyword.decode() for option in Conninfo.get_defaults()}
    return set(url.query) - known - PSYCOPG_PARAMETERS
