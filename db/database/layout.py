"""How the rows of predictions lie on the disk: steps that rewrite the table or build an index.

Recording works without them, so no row ever waits for one. On a large table they take minutes, in
which nobody can write to it: those are left to `python -m db setup`. Each can be repeated.
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

from db.database.relations import schema_of
from db.database.schema import MAX_LABEL_CHARACTERS, METRICS

MAX_REWRITTEN_ROWS = 100_000  # which takes seconds, in which predictions are spooled
REWRITE_TIMEOUT_S = 3600.0
"""How long a step may take on a large table, for `db setup`."""

Step: TypeAlias = Callable[[Connection], None]

FIGURES = [
    "label",
    "confidence",
    "latency_ms",
    "model_tag",
    "batch_size",
    "truncated",
    "recorded_at",
]
"""All columns that the dashboards and alert rules read, except the texts."""


TIME_ORDER, DASHBOARDS = "ix_metrics_timestamp", "ix_metrics_dashboards"


def dashboards_index() -> Index:
    """Return the index that holds FIGURES in the order of time.

    To read a range of time is to read one run of narrow rows, without a look at the table. It is
    none of METRICS: a server that lacks such indexes gets the table all the same.
    """
    timestamp = METRICS.to_metadata(MetaData()).c.timestamp
    return Index(DASHBOARDS, timestamp, mssql_include=FIGURES, postgresql_include=FIGURES)


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


def store_labels_as_unicode(connection: Connection) -> None:
    """Let SQL Server keep labels whose characters its code page lacks."""
    if connection.dialect.name == "mssql" and connection.scalar(text(LABEL_TYPE)) != "nvarchar":
        kind = f"nvarchar({MAX_LABEL_CHARACTERS}) NOT NULL"
        connection.execute(text(f"ALTER TABLE metrics ALTER COLUMN label {kind}"))


def order_by_time(connection: Connection) -> None:
    """Make time and id SQL Server's unique clustered key, and drop the key of random ids.

    Earlier versions of the service go on inserting. They look ids up by reading the index of
    `cover_dashboards`, which is slow, but they are about to be replaced.
    """
    if connection.dialect.name != "mssql":
        return
    key = connection.execute(text(PRIMARY_KEY)).all()
    if [row.column_name for row in key] == ["timestamp", "id"]:  # an administrator's choice
        return
    if [row.column_name for row in key] == ["id"]:
        name = connection.dialect.identifier_preparer.quote(key[0].name)
        connection.execute(text(f"ALTER TABLE metrics DROP CONSTRAINT {name}"))
    found = {row.name: row for row in connection.execute(text(INDEXES))}.get(TIME_ORDER)
    if found is not None and found.type == CLUSTERED and found.is_unique:
        return
    if found is not None and found.type != CLUSTERED:  # the very first version's
        connection.execute(text(f"DROP INDEX {TIME_ORDER} ON metrics"))
        found = None
    with_existing = "" if found is None else " WITH (DROP_EXISTING = ON)"
    connection.execute(
        text(
            f"CREATE UNIQUE CLUSTERED INDEX {TIME_ORDER} ON metrics ([timestamp], id)"
            f"{with_existing}"
        )
    )


def cover_dashboards(connection: Connection) -> None:
    """Give SQL Server and PostgreSQL the index of the dashboards, which do not read SQLite."""
    match connection.dialect.name:
        case "mssql":
            indexes = {row.name for row in connection.execute(text(INDEXES))}
        case "postgresql":
            indexes = {str(index["name"]) for index in inspect(connection).get_indexes("metrics")}
        case _:
            return
    if DASHBOARDS not in indexes:
        dashboards_index().create(connection)
    if connection.dialect.name == "postgresql" and TIME_ORDER in indexes:
        # the other one does what it did; without its schema, another table's might be meant
        schema = connection.dialect.identifier_preparer.quote(
            schema_of(connection, "metrics") or ""
        )
        connection.execute(text(f"DROP INDEX {schema}.{TIME_ORDER}"))


@dataclass(frozen=True)
class Purpose:
    """What the database is like without a step, and the dialects that it changes."""

    without: str
    dialects: tuple[str, ...]


LAYOUT: Mapping[Step, Purpose] = {
    store_labels_as_unicode: Purpose(
        "labels lose the characters that the database's code page lacks", ("mssql",)
    ),
    order_by_time: Purpose(
        "rows have an index on random ids, which slows the writer down", ("mssql",)
    ),
    cover_dashboards: Purpose(
        "dashboards have no index of their own and are slow", ("mssql", "postgresql")
    ),
}
"""The steps, in their order."""


def takes_long(step: Step, engine: Engine) -> bool:
    """Return whether a step changes a table of more than MAX_REWRITTEN_ROWS rows."""
    if engine.dialect.name not in LAYOUT[step].dialects:
        return False
    limit = MAX_REWRITTEN_ROWS + 1
    some = select(literal(1).label("one")).select_from(METRICS).limit(limit).subquery()
    with engine.connect() as connection:  # not all rows are counted, which may take minutes
        return (connection.scalar(select(func.count()).select_from(some)) or 0) == limit
