"""Optional migrations of the table `metrics`: indexes, clustering and the type of labels.

Recording works without them, so no row waits for one. On a large table they take minutes during
which the table cannot be written to: the service leaves those to `python -m db setup`. Each is
idempotent.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from sqlalchemy import (
    Connection,
    Engine,
    Index,
    MetaData,
    func,
    inspect,
    literal,
    select,
    text,
)

from db.database.reflection import resolve_schema
from db.database.schema import MAX_LABEL_CHARACTERS, METRICS

MAX_ROWS_AT_STARTUP = 100_000  # takes seconds, during which predictions are spooled
SLOW_MIGRATION_TIMEOUT_S = 3600.0
"""Timeout of a migration of a large table, for `db setup`."""

Migration: TypeAlias = Callable[[Connection], None]

DASHBOARD_COLUMNS = [
    "label",
    "confidence",
    "latency_ms",
    "model_tag",
    "batch_size",
    "truncated",
    "recorded_at",
]
"""All columns that dashboards and alert rules read: all but the texts."""

TIMESTAMP_INDEX, DASHBOARD_INDEX = "ix_metrics_timestamp", "ix_metrics_dashboards"

LABEL_TYPE = (
    "SELECT TYPE_NAME(user_type_id) FROM sys.columns"
    " WHERE object_id = OBJECT_ID('metrics') AND name = 'label'"
)
PRIMARY_KEY = (
    "SELECT k.name AS name, c.name AS column_name FROM sys.key_constraints AS k"
    " JOIN sys.index_columns AS i"
    " ON i.object_id = k.parent_object_id AND i.index_id = k.unique_index_id"
    " JOIN sys.columns AS c ON c.object_id = i.object_id AND c.column_id = i.column_id"
    " WHERE k.parent_object_id = OBJECT_ID('metrics') AND k.type = 'PK' ORDER BY i.key_ordinal"
)
INDEXES = (
    "SELECT name, CAST(type AS int) AS type, CAST(is_unique AS int) AS is_unique"
    " FROM sys.indexes WHERE object_id = OBJECT_ID('metrics') AND name IS NOT NULL"
)
CLUSTERED = 1


def dashboard_index() -> Index:
    """Return the covering index of dashboards: a time range is one run of narrow rows.

    It is not part of METRICS, so that the table is created even if the server lacks such indexes.
    """
    timestamp = METRICS.to_metadata(MetaData()).c.timestamp
    return Index(
        DASHBOARD_INDEX,
        timestamp,
        mssql_include=DASHBOARD_COLUMNS,
        postgresql_include=DASHBOARD_COLUMNS,
    )


def convert_labels_to_unicode(connection: Connection) -> None:
    """Make SQL Server store labels as nvarchar, whatever the code page."""
    if connection.dialect.name == "mssql" and connection.scalar(text(LABEL_TYPE)) != "nvarchar":
        column_type = f"nvarchar({MAX_LABEL_CHARACTERS}) NOT NULL"
        connection.execute(text(f"ALTER TABLE metrics ALTER COLUMN label {column_type}"))


def cluster_by_time(connection: Connection) -> None:
    """Make (timestamp, id) SQL Server's unique clustered key, and drop the key of random ids.

    Earlier versions of the service can still insert. They look up ids in the dashboard index,
    which is slow.
    """
    if connection.dialect.name != "mssql":
        return
    key = connection.execute(text(PRIMARY_KEY)).all()
    if [row.column_name for row in key] == ["timestamp", "id"]:  # an administrator's choice
        return
    if [row.column_name for row in key] == ["id"]:
        name = connection.dialect.identifier_preparer.quote(key[0].name)
        connection.execute(text(f"ALTER TABLE metrics DROP CONSTRAINT {name}"))
    index = {row.name: row for row in connection.execute(text(INDEXES))}.get(TIMESTAMP_INDEX)
    if index is not None and index.type == CLUSTERED and index.is_unique:
        return
    if index is not None and index.type != CLUSTERED:  # of the first version
        connection.execute(text(f"DROP INDEX {TIMESTAMP_INDEX} ON metrics"))
        index = None
    options = "" if index is None else " WITH (DROP_EXISTING = ON)"
    connection.execute(
        text(
            f"CREATE UNIQUE CLUSTERED INDEX {TIMESTAMP_INDEX} ON metrics ([timestamp], id){options}"
        )
    )


def create_dashboard_index(connection: Connection) -> None:
    """Create the dashboard index on SQL Server and PostgreSQL; dashboards do not read SQLite."""
    match connection.dialect.name:
        case "mssql":
            indexes = {row.name for row in connection.execute(text(INDEXES))}
        case "postgresql":
            indexes = {str(index["name"]) for index in inspect(connection).get_indexes("metrics")}
        case _:
            return
    if DASHBOARD_INDEX not in indexes:
        dashboard_index().create(connection)
    if connection.dialect.name == "postgresql" and TIMESTAMP_INDEX in indexes:
        # superseded; without its schema, the name could resolve to another table's index
        schema = connection.dialect.identifier_preparer.quote(
            resolve_schema(connection, "metrics") or ""
        )
        connection.execute(text(f"DROP INDEX {schema}.{TIMESTAMP_INDEX}"))


@dataclass(frozen=True)
class OptionalMigration:
    """What is worse without an optional migration, and the dialects that it changes."""

    drawback: str
    dialects: tuple[str, ...]


OPTIONAL_MIGRATIONS: Mapping[Migration, OptionalMigration] = {
    convert_labels_to_unicode: OptionalMigration(
        "labels lose the characters that the database's code page lacks", ("mssql",)
    ),
    cluster_by_time: OptionalMigration("an index on random ids slows inserts down", ("mssql",)),
    create_dashboard_index: OptionalMigration(
        "dashboards are slow without their index", ("mssql", "postgresql")
    ),
}
"""In the order in which they are applied."""


def is_slow(migration: Migration, engine: Engine) -> bool:
    """Return whether a migration changes a table of more than MAX_ROWS_AT_STARTUP rows."""
    if engine.dialect.name not in OPTIONAL_MIGRATIONS[migration].dialects:
        return False
    limit = MAX_ROWS_AT_STARTUP + 1
    some = select(literal(1).label("one")).select_from(METRICS).limit(limit).subquery()
    with engine.connect() as connection:  # counting all rows may take minutes
        return (connection.scalar(select(func.count()).select_from(some)) or 0) == limit
