"""What a name stands for in a database: which schema it is in, and whether it is a table."""

from contextlib import suppress

from sqlalchemy import Connection, Inspector, inspect, text
from sqlalchemy.exc import DBAPIError

# Names resolve to the first schema of the search path that has them, also in our statements.
SCHEMA_OF = {
    "postgresql": "SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE c.oid = to_regclass(:name)",
    "mssql": "SELECT OBJECT_SCHEMA_NAME(OBJECT_ID(:name))",
}
# https://www.postgresql.org/docs/current/catalog-pg-class.html
KIND_IN_POSTGRESQL = "SELECT relkind FROM pg_class WHERE oid = to_regclass(:name)"
KINDS = {
    "v": "a view",
    "m": "a materialized view",
    "f": "a foreign table",
    "S": "a sequence",
    "i": "an index",
    "I": "an index",
    "c": "a type",
}
# https://sqlite.org/schematab.html
KIND_IN_SQLITE = "SELECT type, sql FROM sqlite_master WHERE name = :name COLLATE NOCASE"


def schema_of(connection: Connection, name: str) -> str | None:
    """Return the schema to which a name resolves, None for the default one."""
    if (statement := SCHEMA_OF.get(connection.dialect.name)) is None:
        return None
    with suppress(DBAPIError):  # from a server that only speaks SQL Server's protocol
        found = connection.scalar(text(statement), {"name": name})
        return found if isinstance(found, str) else None
    return None


def other_kind(connection: Connection, name: str, schema: str | None) -> str | None:
    """Return what a name stands for if that is no table, None if it is one or nothing."""
    match connection.dialect.name:
        case "postgresql":
            return KINDS.get(connection.scalar(text(KIND_IN_POSTGRESQL), {"name": name}) or "r")
        case "sqlite":
            row = connection.execute(text(KIND_IN_SQLITE), {"name": name}).first()
            if row is None:
                return None
            is_virtual = str(row.sql).upper().startswith("CREATE VIRTUAL")
            return "a virtual table" if is_virtual else {"view": "a view"}.get(row.type)
    inspector: Inspector = inspect(connection)
    return "a view" if name in inspector.get_view_names(schema=schema) else None
