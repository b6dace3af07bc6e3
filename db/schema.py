"""The tables of the prediction log."""

from sqlalchemy import (
    Column,
    DateTime,
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

METADATA = MetaData()

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
    PrimaryKeyConstraint("id", mssql_clustered=False),
    Index("ix_metrics_timestamp", "timestamp", "id", mssql_clustered=True),
)
