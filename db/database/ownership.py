"""Recognise tables of other programs that have the names of ours, by their columns and rows.

The check comes before anything is created, altered, inserted or deleted.
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

from db.database.column_types import is_alike, is_the_same_number, shown
from db.database.relations import other_kind, schema_of
from db.database.schema import METRICS, SCHEMA_VERSION, TRAINING_RUNS
from db.settings import SettingsError

# What every version of the table will have: it is not written yet, but its name is ours.
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
    """One of our tables, and what may differ in a database of an earlier or a later version.

    ``added_later`` names the columns that a step of `db.database.migrations` adds. A table that
    ``may_have_more`` columns stays ours, and if it ``is_inserted_into``, only while those can be
    left out of an INSERT.
    """

    table: Table
    added_later: frozenset[str] = frozenset()
    may_have_more: bool = True
    is_inserted_into: bool = True


# Many migration tools have a `schema_version` with a version, a time and more: ours has no more.
OWN_TABLES = (
    OwnTable(SCHEMA_VERSION, may_have_more=False),
    OwnTable(METRICS, added_later=frozenset({"recorded_at", "truncated"})),
    OwnTable(TRAINING_RUNS),
    OwnTable(FEEDBACK, is_inserted_into=False),
)

MAX_STEPS = 1000
"""More than there will ever be: tools that number by dates have larger versions."""

# Who may only insert does not see what a default is, but that there is one.
NOT_FILLED_BY_SQL_SERVER = (
    "SELECT name FROM sys.columns WHERE object_id = OBJECT_ID(:name) AND is_nullable = 0"
    " AND default_object_id = 0 AND is_identity = 0 AND is_computed = 0"
    " AND TYPE_NAME(system_type_id) <> 'timestamp'"
)
IGNORES_CASE = "SELECT CASE WHEN 'a' = 'A' THEN 1 ELSE 0 END"


class ForeignTableError(SettingsError):
    """The database has tables of another program under our names; nothing was changed."""

    def __init__(self, differences: Sequence[str]) -> None:
        super().__init__(
            "DATABASE_URL or SQL_DB",
            "names a database where another program's tables have names of ours: "
            f"{'; '.join(differences)}. Nothing was changed",
            "Name a database of the service's own, or rename those tables",
        )


def check_tables(connection: Connection) -> None:
    """Check that all tables with our names are ours; those that are missing are no error.

    Raises ForeignTableError, or DBAPIError if the database does not answer.
    """
    differences = [
        f"the table {own.table.name} {difference}"
        for own in OWN_TABLES
        if (difference := _difference(connection, own)) is not None
    ]
    if differences:
        raise ForeignTableError(differences)


def _difference(connection: Connection, own: OwnTable) -> str | None:
    """Return in which way the table of that name is not ours, None if it is or there is none."""
    name, schema = own.table.name, schema_of(connection, own.table.name)
    inspector: Inspector = inspect(connection)
    if (kind := other_kind(connection, name, schema)) is not None:
        return f"is {kind}"
    if not inspector.has_table(name, schema=schema):
        return None
    fold = _folding(connection)
    found = {fold(column["name"]): column for column in inspector.get_columns(name, schema=schema)}
    known = {fold(column.name) for column in own.table.columns}
    more = [column for folded, column in found.items() if folded not in known]
    return (
        _missing(own, {column.name for column in own.table.columns if fold(column.name) in found})
        or _unlike(own, found, connection)
        or _additional(own, more, connection)
        or (_other_versions(connection) if own.table is SCHEMA_VERSION else None)
    )


def _missing(own: OwnTable, found: set[str]) -> str | None:
    names = [column.name for column in own.table.columns]
    missing = [name for name in names if name not in found | own.added_later]
    return f"lacks {_columns(missing)}" if missing else None


def _unlike(own: OwnTable, found: Mapping[str, Any], connection: Connection) -> str | None:
    dialect = connection.dialect
    for column in own.table.columns:
        if (there := found.get(column.name)) is None:
            continue
        if not _is_alike(own, column, there["type"], dialect):
            types = f"{shown(there['type'], dialect)}, not {shown(column.type, dialect)}"
            return f"has the column {column.name} as {types}"
        if own.is_inserted_into and (there.get("computed") or _is_generated(own, there)):
            return f"fills the column {column.name} by itself"
    return None


def _is_alike(own: OwnTable, column: Column[Any], found: TypeEngine[Any], dialect: Dialect) -> bool:
    if own.table is SCHEMA_VERSION and column.name == "version" and dialect.name != "mssql":
        return is_the_same_number(found)
    if not own.is_inserted_into and isinstance(column.type, String):
        return isinstance(found, String)
    return is_alike(column.type, found, dialect)


def _is_generated(own: OwnTable, there: Any) -> bool:
    """Return whether a column has a value of its own: ours have none, in a table of versions."""
    identity = there.get("identity")
    if own.table is not SCHEMA_VERSION:
        return bool(identity and identity.get("always"))
    return identity is not None or there.get("default") is not None


def _other_versions(connection: Connection) -> str | None:
    """Return what a table of versions holds that is not ours, which are 1, 2, 3 and so on."""
    versions = connection.scalars(select(SCHEMA_VERSION.c.version)).all()
    if others := [version for version in versions if not _is_step(version)]:
        return f"holds the version {others[0]}"
    tables = [METRICS.name, TRAINING_RUNS.name]
    inspector = inspect(connection)
    if versions and not any(map(inspector.has_table, tables)):
        return f"holds versions, though there is no table {' or '.join(tables)}"
    return None


def _is_step(version: object) -> bool:
    return isinstance(version, int) and 0 < version <= MAX_STEPS


def _additional(own: OwnTable, more: Sequence[Any], connection: Connection) -> str | None:
    if more and not own.may_have_more:
        return f"also has {_columns(column['name'] for column in more)}"
    if own.is_inserted_into and (unfilled := _unfilled(connection, own.table.name, more)):
        return f"also has {_columns(unfilled)}, NOT NULL and without a default"
    return None


def _folding(connection: Connection) -> Callable[[str], str]:
    """Return what makes names equal that the database takes for one."""
    match connection.dialect.name:
        case "postgresql":
            return str
        case "mssql" if connection.scalar(text(IGNORES_CASE)) == 0:
            return str
    return str.casefold


def _unfilled(connection: Connection, name: str, more: Sequence[Any]) -> list[str]:
    """Return those columns that an INSERT must name."""
    unfilled = [
        str(column["name"])
        for column in more
        if not column["nullable"]
        and column.get("default") is None
        and not column.get("computed")
        and column.get("identity") is None
        and column.get("autoincrement") is not True
    ]
    if unfilled and connection.dialect.name == "mssql":
        with suppress(DBAPIError):
            known = connection.scalars(text(NOT_FILLED_BY_SQL_SERVER), {"name": name}).all()
            return [column for column in unfilled if column in known]
    return unfilled


def _columns(names: Iterable[str]) -> str:
    given = list(names)
    return f"the column{'s' * (len(given) > 1)} {', '.join(given)}"
