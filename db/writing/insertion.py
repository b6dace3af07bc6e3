"""Insert rows that may be there already: after a commit whose answer was lost, nobody knows."""

from collections.abc import Sequence
from dataclasses import fields

from sqlalchemy import Connection, UnicodeText, bindparam, insert, select, text

from db.database.schema import METRICS
from db.prediction import Prediction, utc_now

COLUMNS = [field.name for field in fields(Prediction)]

# All rows are one parameter, so a batch is one round trip whatever its size. Without its type,
# Microsoft's driver would prepare the statement first, and send a long text as ntext, which
# OPENJSON does not take; FreeTDS does send it so. A row is looked up by time and id, as rows lie;
# both are the same on every retry.
INTO_SQL_SERVER = insert(METRICS).from_select(
    [*COLUMNS, "recorded_at"],
    text(
        """
        SELECT id, [timestamp], [text], latency_ms, label, confidence, model_tag, batch_size,
            ISNULL(truncated, 0) AS truncated, SYSUTCDATETIME() AS recorded_at
        FROM OPENJSON(CAST(:rows AS nvarchar(max))) WITH (
            id uniqueidentifier, [timestamp] datetime2(3), [text] nvarchar(max),
            latency_ms float, label nvarchar(max), confidence float, model_tag varchar(max),
            batch_size int, truncated bit
        ) AS given
        WHERE NOT EXISTS (
            SELECT 1 FROM metrics AS stored
            WHERE stored.[timestamp] = given.[timestamp] AND stored.id = given.id
        )
        """
    )
    .bindparams(bindparam("rows", type_=UnicodeText()))
    .columns(*METRICS.columns),
)


def insert_if_absent(connection: Connection, bodies: Sequence[str]) -> None:
    """Insert those rows, JSON objects of `Prediction.to_json`, whose id is not there yet.

    Raises SQLAlchemyError, or NotAPredictionError where a body is no such object.
    """
    predictions = [Prediction.from_json(body) for body in bodies]
    if connection.dialect.name == "mssql":
        connection.execute(INTO_SQL_SERVER, {"rows": f"[{','.join(bodies)}]"})
        return
    stored = set(
        connection.scalars(
            select(METRICS.c.id).where(METRICS.c.id.in_([made.id for made in predictions]))
        )
    )
    if missing := [made for made in predictions if made.id not in stored]:
        recorded_at = utc_now()
        rows = [{name: getattr(made, name) for name in COLUMNS} for made in missing]
        connection.execute(insert(METRICS), [row | {"recorded_at": recorded_at} for row in rows])
