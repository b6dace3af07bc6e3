"""Whether a database of SQL Server knows OPENJSON, by which predictions are inserted.

It does from compatibility level 130 on, that of SQL Server 2016; a database keeps its level when
it is restored on a newer server. Below, OPENJSON is an "invalid object name" (208), the error of
a missing table.
Source: https://learn.microsoft.com/sql/t-sql/functions/openjson-transact-sql
"""

from sqlalchemy import Engine

from db.database.tsql import known, quoted_name

LEVEL = 130
QUESTION = "SELECT DB_NAME(), compatibility_level FROM sys.databases WHERE name = DB_NAME()"


class IncompatibleDatabaseError(Exception):
    """A database has a compatibility level that is too low for inserts."""

    def __init__(self, database: str, level: int) -> None:
        super().__init__(
            f"database {database} has compatibility level {level}, and OPENJSON, which inserts "
            f"use, needs {LEVEL}. Run {raise_level(database)}, on SQL Server 2016 or later"
        )


def raise_level(database: str) -> str:
    """Return the statement that gives a database the level that is needed."""
    return f"ALTER DATABASE {quoted_name(database)} SET COMPATIBILITY_LEVEL = {LEVEL}"


def check_compatibility(engine: Engine) -> None:
    """Check the level of the database that an engine connects to, if the server tells it.

    Raises IncompatibleDatabaseError if it is too low, and DBAPIError if there is no connection.
    """
    if engine.dialect.name != "mssql":
        return
    row = known(engine, QUESTION)
    if row is not None and row[0] is not None and row[1] is not None and int(row[1]) < LEVEL:
        raise IncompatibleDatabaseError(str(row[0]), int(row[1]))
