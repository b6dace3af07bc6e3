"""Engines of PostgreSQL with psycopg, which take no longer than their timeouts."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import URL, Engine, create_engine, util

from db.database.timeouts import Timeouts, enforce_psycopg_timeouts
from db.settings import SettingsError

MIN_CONNECT_TIMEOUT_S = 2  # libpq's minimum


def create_postgresql_engine(url: URL, timeouts: Timeouts, pool: dict[str, Any]) -> Engine:
    """Return an engine whose connections have the ``timeouts``."""
    engine = create_engine(url, connect_args=connect_arguments(url, timeouts), **pool)
    enforce_psycopg_timeouts(engine, timeouts)
    return engine


def connect_arguments(url: URL, timeouts: Timeouts) -> dict[str, Any]:
    """Return the arguments that replace or complete those of a URL.

    SQLAlchemy reads hosts and ports from the query, but passes psycopg's own parameters on as
    text. Raises SettingsError if one has the wrong type.
    """
    limits = f"-c statement_timeout={timeouts.use_s}s -c lock_timeout={timeouts.use_s}s"
    arguments: dict[str, Any] = {
        "options": " ".join([*url.normalized_query.get("options", ()), limits])
    }
    if "connect_timeout" not in url.query:
        arguments["connect_timeout"] = max(MIN_CONNECT_TIMEOUT_S, timeouts.connect_s)
    for name in TYPED.keys() & url.query.keys():
        arguments[name] = _convert(name, url.query[name])
    return arguments


def _convert(name: str, value: str | tuple[str, ...]) -> Any:
    convert, expected = TYPED[name]
    try:
        if isinstance(value, str):
            return convert(value)
    except ValueError:
        pass
    raise SettingsError(
        "DATABASE_URL", f"has a value of {name} that is not {expected}", "Correct it"
    )


def _prepare_threshold(text: str) -> int | None:
    """Return the number of executions before a statement is prepared, None for never."""
    if text.lower() == "none":
        return None
    if not (text.isascii() and text.isdigit()):  # int() accepts more
        raise ValueError
    return int(text)


TYPED: dict[str, tuple[Callable[[str], Any], str]] = {
    "prepare_threshold": (_prepare_threshold, "a whole number from 0 on, or none"),
    "autocommit": (util.asbool, "true or false"),
}
"""psycopg's own parameters that are not text: conversion, and the expected value in words."""
