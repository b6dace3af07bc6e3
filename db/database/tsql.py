"""T-SQL statements, SQL Server's error numbers and the compatibility level that inserts need."""

import re
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

# OPENJSON, which inserts use, needs the level of SQL Server 2016. A database restored on a newer
# server keeps its level, and OPENJSON is then an "invalid object name" (208), like a missing table.
# https://learn.microsoft.com/sql/t-sql/functions/openjson-transact-sql
MIN_COMPATIBILITY_LEVEL = 130
COMPATIBILITY_LEVEL = (
    "SELECT DB_NAME(), compatibility_level FROM sys.databases WHERE name = DB_NAME()"
)


class IncompatibleDatabaseError(Exception):
    """The database's compatibility level is too low for inserts."""

    def __init__(self, database: str, level: int) -> None:
        super().__init__(
            f"database {database} has compatibility level {level}, but inserts use OPENJSON, which "
            f"needs {MIN_COMPATIBILITY_LEVEL}. Run {set_compatibility_level(database)} on SQL "
            "Server 2016 or later"
        )


def check_compatibility_level(engine: Engine) -> None:
    """Check that a SQL Server database supports OPENJSON; other databases pass.

    Raises IncompatibleDatabaseError if not, DBAPIError if connecting fails.
    """
    if engine.dialect.name != "mssql":
        return
    match query_optional(engine, COMPATIBILITY_LEVEL):
        case (str() as database, level) if level is not None:
            if int(level) < MIN_COMPATIBILITY_LEVEL:
                raise IncompatibleDatabaseError(database, int(level))


def set_compatibility_level(database: str) -> str:
    """Return the statement that raises a database to the level that inserts need."""
    return (
        f"ALTER DATABASE {quote_name(database)} SET COMPATIBILITY_LEVEL = {MIN_COMPATIBILITY_LEVEL}"
    )


def quote_name(name: str) -> str:
    """Return a quoted identifier."""
    return f"[{name.replace(']', ']]')}]"


def quote_string(text: str) -> str:
    """Return a quoted literal, for statements that take no parameters."""
    return f"N'{text.replace(chr(39), chr(39) * 2)}'"


def execute(engine: Engine, statement: str) -> None:
    """Execute a statement in autocommit mode: CREATE DATABASE does not run in a transaction."""
    with engine.connect() as connection:
        connection.exec_driver_sql(statement)


def query_scalar(engine: Engine, statement: str, *parameters: Any) -> Any:
    """Return the first column of a query's first row, None if there is no row."""
    with engine.connect() as connection:
        return connection.exec_driver_sql(statement, parameters).scalar()


def query_optional(engine: Engine, statement: str, *parameters: Any) -> tuple[Any, ...] | None:
    """Return a query's first row, None if there is no row or the statement fails.

    For catalogue views that a server with SQL Server's protocol may lack. Raises DBAPIError if
    connecting fails.
    """
    with engine.connect() as connection:
        try:
            row = connection.exec_driver_sql(statement, parameters).first()
        except DBAPIError:
            return None
    return None if row is None else tuple(row)


def error_numbers(error: BaseException | None) -> list[int]:
    """Return the numbers in parentheses in a driver's message: SQL Server's error numbers."""
    return [int(number) for number in re.findall(r"\((\d+)\)", str(error))]
