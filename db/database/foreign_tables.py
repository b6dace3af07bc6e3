"""Reject tables of other programs that have the names of ours, by their columns and rows.

The check runs before anything is created, altered, inserted or deleted.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    DateTime,
    Dialect,
    Inspector,
    MetaData,
    String,
    Table,
    Uuid,
    inspect,
    select,
    text,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import TypeEngine

from db.database.reflection import (
    is_compatible,
    is_plain_integer,
    non_table_kind,
    resolve_schema,
    type_name,
)
from db.database.schema import METRICS, SCHEMA_VERSION, TRAINING_RUNS
from db.settings import SettingsError

# Reserved for a later version: the columns that each version of the table will have.
FEEDBACK = Table(
    "feedback",
    MetaData(),
    Column("id", Uuid),
    Column("prediction_id", Uuid),
    Column("label", String),
    Column("timestamp", DateTime),
)


@dataclass(frozen=True)
class OwnTable:
    """One of our tables, and how it may differ in databases of earlier or later versions.

    ``added_later`` are columns that a migration adds. Extra columns are accepted if
    ``allows_extra_columns``; if the table ``is_inserted_into``, only those that an INSERT may omit.
    """

    table: Table
    added_later: frozenset[str] = frozenset()
    allows_extra_columns: bool = True
    is_inserted_into: bool = True


# Many migration tools have a `schema_version` with a version, a time and more columns.
OWN_TABLES = (
    OwnTable(SCHEMA_VERSION, allows_extra_columns=False),
    OwnTable(METRICS, added_later=frozenset({"recorded_at", "truncated"})),
    OwnTable(TRAINING_RUNS),
    OwnTable(FEEDBACK, is_inserted_into=False),
)

MAX_VERSION = 1000
"""More than we will ever have: tools that number by date have larger versions."""

# A login that may only insert sees that a column has a default, but not its value.
SQL_SERVER_REQUIRED_COLUMNS = (
    "SELECT name FROM sys.columns WHERE object_id = OBJECT_ID(:name) AND is_nullable = 0"
    " AND default_object_id = 0 AND is_identity = 0 AND is_computed = 0"
    " AND TYPE_NAME(system_type_id) <> 'timestamp'"
)
IGNORES_CASE = "SELECT CASE WHEN 'a' = 'A' THEN 1 ELSE 0 END"


class ForeignTableError(SettingsError):
    """The database has tables of another program with our names; nothing was changed."""

    def __init__(self, differences: Sequence[str]) -> None:
        super().__init__(
            "DATABASE_URL or SQL_DB",
            "names a database with tables of another program that have our names: "
            f"{'; '.join(differences)}. Nothing was changed",
            "Use a separate database, or rename those tables",
        )


def reject_foreign_tables(connection: Connection) -> None:
    """Raise ForeignTableError if a table with one of our names is not ours.

    Missing tables are accepted. Raises DBAPIError if the database does not answer.
    """
    differences = [
        f"the table {own.table.name} {difference}"
        for own in OWN_TABLES
        if (difference := _difference(connection, own)) is not None
    ]
    if differences:
        raise ForeignTableError(differences)


def _difference(connection: Connection, own: OwnTable) -> str | None:
    """Return how the table of that name differs from ours, None if it is ours or missing."""
    name, schema = own.table.name, resolve_schema(connection, own.table.name)
    inspector: Inspector = inspect(connection)
    if (kind := non_table_kind(connection, name, schema)) is not None:
        return f"is {kind}"
    if not inspector.has_table(name, schema=schema):
        return None
    fold = _case_folding(connection)
    found = {fold(column["name"]): column for column in inspector.get_columns(name, schema=schema)}
    known = {fold(column.name) for column in own.table.columns}
    extra = [column for folded, column in found.items() if folded not in known]
    return (
        _missing_columns(own, {c.name for c in own.table.columns if fold(c.name) in found})
        or _different_columns(own, found, connection.dialect)
        or _extra_columns(own, extra, connection)
        or (_foreign_versions(connection) if own.table is SCHEMA_VERSION else None)
    )


def _missing_columns(own: OwnTable, found: set[str]) -> str | None:
    names = [column.name for column in own.table.columns]
    missing = [name for name in names if name not in found | own.added_later]
    return f"lacks {_column_list(missing)}" if missing else None


def _different_columns(own: OwnTable, found: Mapping[str, Any], dialect: Dialect) -> str | None:
    for column in own.table.columns:
        if (actual := found.get(column.name)) is None:
            continue
        if not _has_compatible_type(own, column, actual["type"], dialect):
            types = f"{type_name(actual['type'], dialect)}, not {type_name(column.type, dialect)}"
            return f"has the column {column.name} as {types}"
        if own.is_inserted_into and (actual.get("computed") or _is_generated(own, actual)):
            return f"generates the values of the column {column.name}"
    return None


def _has_compatible_type(
    own: OwnTable, column: Column[Any], found: TypeEngine[Any], dialect: Dialect
) -> bool:
    if own.table is SCHEMA_VERSION and column.name == "version" and dialect.name != "mssql":
        return is_plain_integer(found)
    if not own.is_inserted_into and isinstance(column.type, String):
        return isinstance(found, String)
    return is_compatible(column.type, found, dialect)


def _is_generated(own: OwnTable, column: Any) -> bool:
    identity = column.get("identity")
    if own.table is not SCHEMA_VERSION:
        return bool(identity and identity.get("always"))
    return identity is not None or column.get("default") is not None


def _extra_columns(own: OwnTable, extra: Sequence[Any], connection: Connection) -> str | None:
    if extra and not own.allows_extra_columns:
        return f"also has {_column_list(column['name'] for column in extra)}"
    if own.is_inserted_into and (required := _required(connection, own.table.name, extra)):
        return f"also has {_column_list(required)}, NOT NULL and without a default"
    return None


def _required(connection: Connection, name: str, columns: Sequence[Any]) -> list[str]:
    """Return the columns that an INSERT must not omit."""
    required = [
        str(column["name"])
        for column in columns
        if not column["nullable"]
        and column.get("default") is None
        and not column.get("computed")
        and column.get("identity") is None
        and column.get("autoincrement") is not True
    ]
    if required and connection.dialect.name == "mssql":
        with suppress(DBAPIError):
            known = connection.scalars(text(SQL_SERVER_REQUIRED_COLUMNS), {"name": name}).all()
            return [column for column in required if column in known]
    return required


def _foreign_versions(connection: Connection) -> str | None:
    """Return what the table of versions contains that is not ours; ours are 1, 2, 3, ..."""
    versions = connection.scalars(select(SCHEMA_VERSION.c.version)).all()
    for version in versions:
        if not (isinstance(version, int) and 0 < version <= MAX_VERSION):
            return f"contains the version {version}"
    tables = [METRICS.name, TRAINING_RUNS.name]
    inspector = inspect(connection)
    if versions and not any(map(inspector.has_table, tables)):
        return f"contains versions, but there is no table {' or '.join(tables)}"
    return None


def _case_folding(connection: Connection) -> Callable[[str], str]:
    """Return the function that maps column names to equal ones if the database treats them so."""
    match connection.dialect.name:
        case "postgresql":
            return str
        case "mssql" if connection.scalar(text(IGNORES_CASE)) == 0:
            return str
    return str.casefold


def _column_list(names: Iterable[str]) -> str:
    listed = list(names)
    return f"the column{'s' * (len(listed) > 1)} {', '.join(listed)}"
