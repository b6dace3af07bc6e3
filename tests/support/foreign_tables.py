"""Tables of other programs with the names of ours, and other versions of ours."""

from dataclasses import dataclass

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Computed,
    DateTime,
    Float,
    Integer,
    MetaData,
    SmallInteger,
    String,
    Table,
    Uuid,
    text,
)

from db.database.schema import METRICS


@dataclass(frozen=True)
class Foreign:
    """A table that is not ours, and the difference that the error names."""

    table: Table
    difference: str


def table(name: str, *columns: Column[object]) -> Table:
    """Return a table."""
    return Table(name, MetaData(), *columns)


def metrics_with(*more: Column[object], without: tuple[str, ...] = ()) -> Table:
    """Return our table of predictions with other columns."""
    ours = [Column(c.name, c.type, nullable=c.nullable) for c in METRICS.columns]
    return table("metrics", *(column for column in ours if column.name not in without), *more)


FOREIGN = {
    "flyway": Foreign(
        table(
            "schema_version",
            Column("version_rank", Integer, nullable=False),
            Column("installed_rank", Integer, nullable=False),
            Column("version", String(50), nullable=False),
            Column("description", String(200), nullable=False),
            Column("installed_on", DateTime, nullable=False),
            Column("success", Boolean, nullable=False),
        ),
        "the table schema_version lacks the column applied_at",
    ),
    "golang-migrate": Foreign(
        table(
            "schema_version",
            Column("version", BigInteger, nullable=False),
            Column("dirty", Boolean, nullable=False),
        ),
        "the table schema_version lacks the column applied_at",
    ),
    "a single version": Foreign(
        table("schema_version", Column("version", Integer, nullable=False)),
        "the table schema_version lacks the column applied_at",
    ),
    "versions as texts": Foreign(
        table("schema_version", Column("version", String(20)), Column("applied_at", DateTime)),
        "the table schema_version has the column version as VARCHAR(20), not INTEGER",
    ),
    "versions with a description": Foreign(
        table(
            "schema_version",
            Column("version", Integer),
            Column("applied_at", DateTime),
            Column("description", String(200)),
        ),
        "the table schema_version also has the column description",
    ),
    "versions that are large": Foreign(
        table("schema_version", Column("version", BigInteger), Column("applied_at", DateTime)),
        "the table schema_version has the column version as BIGINT, not INTEGER",
    ),
    "versions that are dated by the database": Foreign(
        table(
            "schema_version",
            Column("version", Integer),
            Column("applied_at", DateTime, server_default=text("CURRENT_TIMESTAMP")),
        ),
        "the table schema_version generates the values of the column applied_at",
    ),
    "metrics with short labels": Foreign(
        metrics_with(Column("label", String(4), nullable=False), without=("label",)),
        "the table metrics has the column label as VARCHAR(4), not VARCHAR(64)",
    ),
    "metrics with small batches": Foreign(
        metrics_with(Column("batch_size", SmallInteger, nullable=False), without=("batch_size",)),
        "the table metrics has the column batch_size as SMALLINT, not INTEGER",
    ),
    "metrics that compute": Foreign(
        metrics_with(
            Column("confidence", Float, Computed("latency_ms", persisted=True)),
            without=("confidence",),
        ),
        "the table metrics generates the values of the column confidence",
    ),
    "other metrics": Foreign(
        table("metrics", Column("name", String(50)), Column("value", Float)),
        "the table metrics lacks the columns id, timestamp, text, latency_ms, label, confidence,"
        " model_tag, batch_size",
    ),
    "metrics without a label": Foreign(
        metrics_with(without=("label", "recorded_at", "truncated")),
        "the table metrics lacks the column label",
    ),
    "metrics numbered": Foreign(
        metrics_with(Column("id", Integer, nullable=False), without=("id",)),
        "the table metrics has the column id as INTEGER, not ",
    ),
    "metrics that want more": Foreign(
        metrics_with(Column("host", String(50), nullable=False)),
        "the table metrics also has the column host, NOT NULL and without a default",
    ),
    "other runs": Foreign(
        table("training_runs", Column("id", Integer), Column("athlete", String(50))),
        "the table training_runs lacks the columns timestamp, decision, reason,",
    ),
    "other feedback": Foreign(
        table("feedback", Column("id", Uuid), Column("message", String(50))),
        "the table feedback lacks the columns prediction_id, label, timestamp",
    ),
}

OURS = {
    "of the first version": metrics_with(without=("recorded_at", "truncated")),
    "with a column that may be empty": metrics_with(Column("note", String(20))),
    "with a column that has a default": metrics_with(
        Column("origin", String(20), nullable=False, server_default=text("'api'"))
    ),
    "of a later version": table(
        "feedback",
        Column("id", Uuid),
        Column("prediction_id", Uuid, nullable=False),
        Column("label", String(64), nullable=False),
        Column("source", String(64), nullable=False),
        Column("sampled", Boolean, nullable=False),
        Column("timestamp", DateTime, nullable=False),
        Column("comment", String(200)),
    ),
}
