"""The tables of the prediction log, and that of training runs."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
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
    Unicode,
    UnicodeText,
    Uuid,
)
from sqlalchemy.dialects import mssql


def _is_not_sql_server(*_: Any, dialect: Dialect, **__: Any) -> bool:
    return dialect.name != "mssql"


def _is_not_postgresql(*_: Any, dialect: Dialect, **__: Any) -> bool:
    return dialect.name != "postgresql"


METADATA = MetaData()
MAX_TEXT_CHARACTERS = 5000
MAX_LABEL_CHARACTERS = 64
MAX_TEXT_BYTES = MAX_TEXT_CHARACTERS * 4  # in UTF-16, as SQL Server counts: two units at most each

# Times are UTC without a zone: SQL Server's datetime2 has none, and Grafana reads it as UTC.
METRICS = Table(
    "metrics",
    METADATA,
    Column("id", Uuid),
    Column("timestamp", DateTime().with_variant(mssql.DATETIME2(3), "mssql"), nullable=False),
    Column("text", UnicodeText().with_variant(mssql.NVARCHAR(), "mssql")),
    Column("latency_ms", Float, nullable=False),
    Column("label", Unicode(MAX_LABEL_CHARACTERS), nullable=False),
    Column("confidence", Float, nullable=False),
    Column("model_tag", String(128), nullable=False),
    Column("batch_size", Integer, nullable=False),
    # Whether the model did not read the whole text; rows from before there was this column have
    # none, and earlier versions, which may write at the same time, give none.
    Column("truncated", Boolean),
    # When the row was written; rows from before there was this column have none.
    Column("recorded_at", DateTime().with_variant(mssql.DATETIME2(3), "mssql")),
    # SQL Server sorts uniqueidentifier by its last bytes, which are random in these ids: an index
    # on the id alone would cost a random page for each row. Rows lie in the order of time there,
    # and the pair is unique, since an id has the same time on every retry. A program that knows
    # only the id finds the row by the time in it (`db.prediction.timestamp_of`).
    PrimaryKeyConstraint("id", name="pk_metrics").ddl_if(callable_=_is_not_sql_server),
    # PostgreSQL has `db.database.layout.DASHBOARDS` in its place.
    Index("ix_metrics_timestamp", "timestamp", "id", unique=True, mssql_clustered=True).ddl_if(
        callable_=_is_not_postgresql
    ),
    CheckConstraint(f"DATALENGTH([text]) <= {MAX_TEXT_BYTES}", "ck_metrics_text").ddl_if("mssql"),
    CheckConstraint(f'length("text") <= {MAX_TEXT_CHARACTERS}', "ck_metrics_text").ddl_if(
        callable_=_is_not_sql_server
    ),
)

# One row for each training run; shares in 0..1, of the rows that the run drew for its evaluation.
TRAINING_RUNS = Table(
    "training_runs",
    METADATA,
    Column("id", Uuid),
    Column("timestamp", DateTime().with_variant(mssql.DATETIME2(3), "mssql"), nullable=False),
    Column("decision", String(16), nullable=False),  # promoted, or rejected
    Column("reason", UnicodeText().with_variant(mssql.NVARCHAR(), "mssql"), nullable=False),
    Column("model_tag", String(128)),  # what the run put into the Bento store
    # an id on the Hub, or a path, which may be long
    Column("base_model", UnicodeText().with_variant(mssql.NVARCHAR(), "mssql"), nullable=False),
    Column("precision", String(16)),
    Column("accuracy", Float, nullable=False),
    Column("macro_recall", Float, nullable=False),
    Column("macro_f1", Float, nullable=False),
    Column("expected_calibration_error", Float, nullable=False),
    Column("champion_accuracy", Float),
    Column("base_accuracy", Float, nullable=False),
    Column("p_value", Float),
    Column("train_size", Integer, nullable=False),
    Column("eval_size", Integer, nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("loss", Float, nullable=False),
    Column("duration_s", Float, nullable=False),
    Column("git_commit", String(64)),
    PrimaryKeyConstraint("id", name="pk_training_runs", mssql_clustered=False),
    Index("ix_training_runs_timestamp", "timestamp", "id", mssql_clustered=True),
)

# One row for each step of `db.database.migrations` that this database has taken.
SCHEMA_VERSION = Table(
    "schema_version",
    METADATA,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("applied_at", DateTime().with_variant(mssql.DATETIME2(3), "mssql"), nullable=False),
)
