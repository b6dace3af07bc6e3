"""What SQLAlchemy's inspector does not report: schemas, kinds of relations, compatible types."""

from contextlib import suppress
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Connection,
    DateTime,
    Dialect,
    Enum,
    Float,
    Integer,
    Numeric,
    SmallInteger,
    String,
    Uuid,
    inspect,
    text,
)
from sqlalchemy.dialects import mssql
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import NullType, TypeEngine

# A name resolves to the first schema of the search path that has it, in our statements too.
SCHEMA_OF = {
    "postgresql": "SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE c.oid = to_regclass(:name)",
    "mssql": "SELECT OBJECT_SCHEMA_NAME(OBJECT_ID(:name))",
}
# https://www.postgresql.org/docs/current/catalog-pg-class.html
POSTGRESQL_KIND = "SELECT relkind FROM pg_class WHERE oid = to_regclass(:name)"
POSTGRESQL_KINDS = {
    "v": "a view",
    "m": "a materialized view",
    "f": "a foreign table",
    "S": "a sequence",
    "i": "an index",
    "I": "an index",
    "c": "a type",
}
# https://sqlite.org/schematab.html
SQLITE_KIND = "SELECT type, sql FROM sqlite_master WHERE name = :name COLLATE NOCASE"
TOO_SMALL = (SmallInteger, mssql.TINYINT)


def resolve_schema(connection: Connection, name: str) -> str | None:
    """Return the schema that a name resolves to, None for the default schema."""
    if (statement := SCHEMA_OF.get(connection.dialect.name)) is None:
        return None
    with suppress(DBAPIError):  # a server with SQL Server's protocol may lack the functions
        found = connection.scalar(text(statement), {"name": name})
        return found if isinstance(found, str) else None
    return None


def non_table_kind(connection: Connection, name: str, schema: str | None) -> str | None:
    """Return the kind of a relation, such as "a view"; None for a table or a missing relation."""
    match connection.dialect.name:
        case "postgresql":
            kind = connection.scalar(text(POSTGRESQL_KIND), {"name": name})
            return POSTGRESQL_KINDS.get(kind or "")
        case "sqlite":
            row = connection.execute(text(SQLITE_KIND), {"name": name}).first()
            if row is None:
                return None
            is_virtual = str(row.sql).upper().startswith("CREATE VIRTUAL")
            return "a virtual table" if is_virtual else {"view": "a view"}.get(row.type)
    return "a view" if name in inspect(connection).get_view_names(schema=schema) else None


def is_compatible(expected: TypeEngine[Any], found: TypeEngine[Any], dialect: Dialect) -> bool:
    """Return whether a column of type ``found`` can store all values of type ``expected``.

    Servers other than Microsoft's with SQL Server's protocol report some types differently, so
    the comparison is looser for that dialect.
    """
    is_sql_server = dialect.name == "mssql"
    match expected:
        case Uuid():
            is_text = type_name(expected, dialect).startswith("CHAR")
            fits = isinstance(found, Uuid | String if is_text else Uuid)
        case Boolean():
            is_native = dialect.supports_native_boolean
            fits = isinstance(found, Boolean if is_native else (Boolean, Integer))
        case Float():
            fits = isinstance(found, (Float, Numeric) if is_sql_server else Float)
        case DateTime():
            has_time_zone = isinstance(found, mssql.DATETIMEOFFSET) or (
                isinstance(found, DateTime) and found.timezone
            )
            fits = isinstance(found, DateTime) and not has_time_zone
        case Integer():
            fits = isinstance(found, Integer) and not isinstance(found, TOO_SMALL)
        case _:
            fits = _fits_text(expected, found, dialect)
    return fits or (is_sql_server and isinstance(found, NullType))


def is_plain_integer(found: TypeEngine[Any]) -> bool:
    """Return whether a type is INTEGER, not BIGINT or SMALLINT."""
    return isinstance(found, Integer) and not isinstance(found, (BigInteger, *TOO_SMALL))


def type_name(column_type: TypeEngine[Any], dialect: Dialect) -> str:
    """Return a type as SQL, without its collation."""
    if isinstance(column_type, NullType):
        return "an unknown type"
    return column_type.compile(dialect=dialect).partition(" COLLATE ")[0]


def _fits_text(expected: TypeEngine[Any], found: TypeEngine[Any], dialect: Dialect) -> bool:
    if not isinstance(found, String) or isinstance(found, Enum):
        return False
    wanted, length = getattr(expected, "length", None), found.length
    if wanted is None:
        return length is None or dialect.name == "mssql"
    return length is None or length >= wanted
