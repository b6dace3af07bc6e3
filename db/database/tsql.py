"""Statements of SQL Server's own language, and what its errors say."""

import re
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError


def quoted_name(name: str) -> str:
    """Quote an identifier."""
    return f"[{name.replace(']', ']]')}]"


def quoted_text(text: str) -> str:
    """Quote a literal, for statements that take no parameter."""
    return f"N'{text.replace(chr(39), chr(39) * 2)}'"


def execute(engine: Engine, statement: str) -> None:
    """Execute a statement in autocommit: CREATE DATABASE takes no transaction."""
    with engine.connect() as connection:
        connection.exec_driver_sql(statement)


def value(engine: Engine, statement: str, *parameters: Any) -> Any:
    """Return the first value of a query's first row, None if it has no row."""
    with engine.connect() as connection:
        return connection.exec_driver_sql(statement, parameters).scalar()


def known(engine: Engine, statement: str, *parameters: Any) -> tuple[Any, ...] | None:
    """Return a query's first row, None if it has none or the server does not answer it.

    For what is nice to know: servers that only speak the protocol lack parts of the catalogue.
    Raises DBAPIError if there is no connection.
    """
    with engine.connect() as connection:
        try:
            row = connection.exec_driver_sql(statement, parameters).first()
        except DBAPIError:
            return None
    return None if row is None else tuple(row)


def numbers(error: BaseException | None) -> list[int]:
    """Return what may be numbers of SQL Server's errors in a driver's message, in their order."""
    return [int(number) for number in re.findall(r"\((\d+)\)", str(error))]
