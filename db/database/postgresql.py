"""What psycopg is given beside the parameters that SQLAlchemy itself takes from a URL."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import URL, util

from db.settings import SettingsError

MIN_CONNECT_TIMEOUT_S = 2  # libpq knows no less


def connect_arguments(url: URL, connect_s: int, use_s: int) -> dict[str, Any]:
    """Return the arguments that replace or complete those of a URL, timeouts in seconds.

    SQLAlchemy splits hosts and ports of the query, but leaves psycopg's own parameters text.
    Raises SettingsError for one of another type.
    """
    ours = f"-c statement_timeout={use_s}s -c lock_timeout={use_s}s"
    arguments: dict[str, Any] = {
        "options": " ".join([*url.normalized_query.get("options", ()), ours])
    }
    if "connect_timeout" not in url.query:
        arguments["connect_timeout"] = max(MIN_CONNECT_TIMEOUT_S, connect_s)
    for name in TYPED.keys() & url.query.keys():
        arguments[name] = _typed(name, url.query[name])
    return arguments


def _typed(name: str, value: str | tuple[str, ...]) -> Any:
    read, kind = TYPED[name]
    try:
        if isinstance(value, str):
            return read(value)
    except ValueError:
        pass
    raise SettingsError("DATABASE_URL", f"gives {name} a value that is not {kind}", "Correct it")


def _threshold(text: str) -> int | None:
    """Return after how many runs a statement is prepared; None for never."""
    if text.lower() == "none":
        return None
    if not (text.isascii() and text.isdigit()):  # int() takes more than that
        raise ValueError
    return int(text)


TYPED: dict[str, tuple[Callable[[str], Any], str]] = {
    "prepare_threshold": (_threshold, "a whole number from 0 on, or none"),
    "autocommit": (util.asbool, "true or false"),
}
"""psycopg's own parameters that are no text, how each is read, and what it must be."""
