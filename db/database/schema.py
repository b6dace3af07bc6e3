"""The tables: predictions, training runs and applied migrations."""

from collections.abc import Sequence
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

from db.prediction import NOT_STORABLE
from db.settings import SettingsError


def _is_not_sql_server(*_: Any, dialect: Dialect, **__: Any) -> bool:
    return dialect.name != "mssql"


def _is_not_postgresql(*_: Any, dialect: Dialect, **__: Any) -> bool:
    return dialect.name != "postgresql"


METADATA = MetaData()
MAX_TEXT_CHARACTERS = 5000
MAX_LABEL_CHARACTERS = 64
MAX_TEXT_BYTES = MAX_TEXT_CHARACTERS * 4  # in UTF-16, as SQL Server counts

# Times are UTC without a time zone: SQL Server's datetime2 has none, and Grafana reads it as UTC.
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
    # Whether the model read only a part of the text; NULL in rows of earlier versions.
    Column("truncated", Boolean),
    # When the row was written; NULL in rows of earlier versions.
    Column("recorded_at", DateTime().with_variant(mssql.DATETIME2(3), "mssql")),
    # SQL Server sorts uniqueidentifier by its last bytes, which are random in these ids: an index
    # on the id alone would cost a random page per row. There, the clustered key is (timestamp, id),
    # which is unique because an id keeps its timestamp on every retry. To find a row by its id
    # alone, take the timestamp from the id (`db.prediction.timestamp_of`).
    PrimaryKeyConstraint("id", name="pk_metrics").ddl_if(callable_=_is_not_sql_server),
    # PostgreSQL has DASHBOARD_INDEX of `db.database.index_migrations` instead.
    Index("ix_metrics_timestamp", "timestamp", "id", unique=True, mssql_clustered=True).ddl_if(
        callable_=_is_not_postgresql
    ),
    CheckConstraint(f"DATALENGTH([text]) <= {MAX_TEXT_BYTES}", "ck_metrics_text").ddl_if("mssql"),
    CheckConstraint(f'length("text") <= {MAX_TEXT_CHARACTERS}', "ck_metrics_text").ddl_if(
        callable_=_is_not_sql_server
    ),
)

# One row for each training run. Metrics are 0..1, on the rows sampled for its evaluation.
TRAINING_RUNS = Table(
    "training_runs",
    METADATA,
    Column("id", Uuid),
    Column("timestamp", DateTime().with_variant(mssql.DATETIME2(3), "mssql"), nullable=False),
    Column("decision", String(16), nullable=False),  # promoted or rejected
    Column("reason", UnicodeText().with_variant(mssql.NVARCHAR(), "mssql"), nullable=False),
    Column("model_tag", String(128)),  # in the Bento store
    # a Hub id or a path, which may be long
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

# One row for each applied migration of `db.database.migrations`.
SCHEMA_VERSION = Table(
    "schema_version",
    METADATA,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("applied_at", DateTime().with_variant(mssql.DATETIME2(3), "mssql"), nullable=False),
)


class LabelError(SettingsError):
    """The model has a label that does not fit its column."""

    def __init__(self, label: str, problem: str) -> None:
        super().__init__(
            f"MODEL_TAG names a model whose label {label!r}",
            problem,
            "Rename the label in id2label of its config.json, or serve another model",
        )


def check_labels(labels: Sequence[str]) -> None:
    """Check that predictions with these labels can be stored. Raises LabelError.

    Characters are counted in UTF-16, as in SQL Server; other databases allow no fewer.
    """
    for label in labels:
        characters = len(label.encode("utf-16-le", "surrogatepass")) // 2
        if characters > MAX_LABEL_CHARACTERS:
            raise LabelError(
                label, f"has {characters} characters; its column holds {MAX_LABEL_CHARACTERS}"
            )
        if NOT_STORABLE.search(label):
            raise LabelError(label, "contains a character that databases cannot store")
