"""DATABASE_URL, read only if no part of its password can be taken for anything else."""

import re

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

# What SQLAlchemy takes for user and password: see `_parse_url` in sqlalchemy/engine/url.py.
USER_INFO = re.compile(r"(?:[^:/]*(?::[^@]*)?@)?")
HOST = r"(?:\[[\w.:%]+\]|[\w.,\\$-]*)(?::\d*)?"  # host\INSTANCE and host,port for SQL Server
HOST_AND_DATABASE = re.compile(rf"{HOST}(?:/[^?#:@]*)?(?:\?(.*))?")
HOST_ALONE = re.compile(rf"{HOST}(?=[/?])")
PARAMETER = re.compile(r"[A-Za-z_][\w .-]*=.*")
LIKE_USER_INFO = re.compile(r"(?!file:)/*[^/:@]*:[^@]*@")
SQLITE = ("sqlite", "sqlite+pysqlite")
# What psycopg.connect and SQLAlchemy take on top of libpq's own parameters.
PSYCOPG_PARAMETERS = {"autocommit", "plugin", "prepare_threshold"}


class DatabaseUrlError(Exception):
    """DATABASE_URL cannot be read safely; the text shows no part of it."""


def parse_url(text: str) -> URL:
    """Return the URL of a database.

    SQLAlchemy reads nearly every text: of ``postgresql://u:p@ss/w@host/db`` it takes ``ss`` for
    the host, which logs and drivers' errors show. Raises DatabaseUrlError for such a one.
    """
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):  # whose text may show a part of the password
        raise DatabaseUrlError("is no URL that SQLAlchemy can read") from None
    after_scheme = text.partition("://")[2]
    if url.drivername in SQLITE:
        is_safe = _is_path(after_scheme)
    else:
        is_safe = _is_unambiguous(after_scheme) and not _unknown_to_libpq(url)
    if not is_safe or not text.isprintable():
        raise DatabaseUrlError("can be read in more than one way")
    if not all((part or "").isprintable() for part in (url.username, url.host, url.database)):
        raise DatabaseUrlError("holds a control character, percent-encoded")  # logs show the part
    return url


def place_of(url: URL) -> str:
    """Return the host and database of a URL for logs, in one line.

    Its query may hold a password.
    """
    if url.drivername in SQLITE and "@" in (url.database or ""):
        return "a file"
    place = "/".join(part for part in (url.host, url.database) if part)
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in place)


def _is_path(after_scheme: str) -> bool:
    """Check a SQLite URL, which has no user and host: the third slash begins its path."""
    has_host = after_scheme[:1] not in ("", "/", "?")
    return not has_host and not LIKE_USER_INFO.match(after_scheme)


def _is_unambiguous(after_scheme: str) -> bool:
    user_info = USER_INFO.match(after_scheme)
    rest = after_scheme[user_info.end() :] if user_info else after_scheme
    if len(rest) < len(after_scheme) and (
        "@" in rest  # which belongs to the password
        or HOST_ALONE.match(after_scheme)  # and the @ may belong to a query behind it
    ):
        return False
    found = HOST_AND_DATABASE.fullmatch(rest)
    if found is None:
        return False
    parameters = (found[1] or "").split("&")
    return all(PARAMETER.fullmatch(each) for each in parameters if each)


def _unknown_to_libpq(url: URL) -> set[str]:
    """Return the parameters that psycopg would refuse by name: an & may be the password's."""
    if not url.query or url.drivername not in ("postgresql", "postgresql+psycopg"):
        return set()
    from psycopg.pq import Conninfo  # pylint: disable=import-outside-toplevel  # takes 0.1 s

    known = {option.keyword.decode() for option in Conninfo.get_defaults()}
    return set(url.query) - known - PSYCOPG_PARAMETERS
