"""Queries of SQLAlchemy's dialect on a new connection to SQL Server."""

from tests.support.tds.answers import Answer, Rows
from tests.support.tds.requests import Query

ANSWERS = {
    "ProductVersion": "16.0.4000.1",
    "schema_name()": "dbo",
    "dm_exec_sessions'": "dm_exec_sessions",
    "test max support": "test max support",
    "transaction_isolation_level": "READ COMMITTED",
}


def answer(query: Query) -> Answer | None:
    """Return the answer to one of these queries, None for any other."""
    for part, value in ANSWERS.items():
        if part in query.sql:
            return Rows(["value"], [[value]])
    return None


def answer_or_row(query: Query) -> Answer:
    """Answer the dialect's queries, and any other with a row."""
    return answer(query) or Rows(["number"], [[1]])
