"""The tables of the prediction log."""

from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Column,
    DateTime,
    Dialect,
    Float,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    UnicodeText,
    Uuid,
)
from sqlalchemy.dialects import mssql


def _is_not_sql_server(*_: Any, dialect: Dialect, **__: Any) -> bool:
    return dialect.name != "mssql"


METADATA = MetaData()
MAX_TEXT_CHARACTERS = 5000
MAX_TEXT_BYTES = MAX_TEXT_CHARACTERS * 4  # in UTF-16, as SQL Server counts: two units at most each

# Times are UTC without a zone: SQL Server's datetime2 has none, and Grafana reads it as UTC.
METRICS = Table(
    "metrics",
    METADATA,
    Column("id", Uuid),
    Column("timestamp", DateTime().with_variant(mssql.DATETIME2(3), "mssql"), nullable=False),
    Column("text", UnicodeText().with_variant(mssql.NVARCHAR(), "mssql")),
    Column("latency_ms", Float, nullable=False),
    Column("label", String(64), nullable=False),
    Column("confidence", Float, nullable=False),
    Column("model_tag", String(128), nullable=False),
    Column("batch_size", Integer, nullable=False),
    # SQL Server sorts uniqueidentifier by its last bytes, which are random in these ids: rows lie
    # in the order of time there, not of the key.
    PrimaryKeyConstraint("id", name="pk_metrics", mssql_clustered=False),
    Index("ix_metrics_timestamp", "timestamp", "id", mssql_clustered=True),
    CheckConstraint(f"DATALENGTH([text]) <= {MAX_TEXT_BYTES}", "ck_metrics_text").ddl_if("mssql"),
    CheckConstraint(f'length("text") <= {MAX_TEXT_CHARACTERS}', "ck_metrics_text").ddl_if(
        callable_=_is_not_sql_server
    ),
)

# One row for each step of `db.migrations` that this database has taken.
SCHEMA_VERSION = Table(
    "schema_version",
    METADATA,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("applied_at", DateTime().with_variant(mssql.DATETIME2(3), "mssql"), nullable=False),
)
