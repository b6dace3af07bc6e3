"""Insert rows unless they exist: after a lost answer to a commit, they may have been stored."""

from collections.abc import Sequence
from dataclasses import fields

from sqlalchemy import Connection, UnicodeText, bindparam, insert, select, text

from db.database.schema import METRICS
from db.prediction import Prediction, utc_now

COLUMNS = [field.name for field in fields(Prediction)]

# All rows are one parameter: a batch of any size is one round trip. UnicodeText keeps Microsoft's
# driver from preparing the statement first and sending a long text as ntext, which OPENJSON does
# not accept; FreeTDS sends ntext anyway, hence the CAST. The lookup uses timestamp and id, the
# clustered key; both are the same on every retry.
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
    """Insert the rows, JSON objects of `Prediction.to_json`, whose id is not stored yet.

    Raises SQLAlchemyError, or NotAPredictionError for any other body.
    """
    predictions = [Prediction.from_json(body) for body in bodies]
    if connection.dialect.name == "mssql":
        connection.execute(INTO_SQL_SERVER, {"rows": f"[{','.join(bodies)}]"})
        return
    stored = set(
        connection.scalars(
            select(METRICS.c.id).where(METRICS.c.id.in_([each.id for each in predictions]))
        )
    )
    if missing := [each for each in predictions if each.id not in stored]:
        recorded_at = utc_now()
        rows = [{name: getattr(each, name) for name in COLUMNS} for each in missing]
        connection.execute(insert(METRICS), [row | {"recorded_at": recorded_at} for row in rows])
