"""Rows of many days in PostgreSQL, as a service leaves them that is asked day and night."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine, text

from db.database.migrations import migrate

NEW_MODEL_AFTER = 0.8
"""When the second model takes over, as a share of the whole time."""

# One row for each number, at even distances; ids hold the time, as the service's do. Latencies are
# log-normal, texts of 20 to 260 characters that differ from each other.
FILL = text(
    """
    INSERT INTO metrics (id, timestamp, text, latency_ms, label, confidence, model_tag, batch_size,
        truncated, recorded_at)
    SELECT CAST(lpad(to_hex(CAST(extract(epoch FROM moment) * 1000 AS bigint)), 12, '0')
            || '7' || substr(noise, 1, 3) || '8' || substr(noise, 4, 15) AS uuid),
        moment, left(repeat(noise, 9), 20 + CAST(random() * 240 AS int)),
        round(CAST(exp(3 + 0.6 * (random() + random() + random() - 1.5)) AS numeric), 3),
        (ARRAY['negative', 'neutral', 'neutral', 'positive'])[1 + CAST(floor(random() * 4) AS int)],
        1 - random() * random() * 0.66, :model_tag, 1 + CAST(floor(random() * 8) AS int),
        random() < 0.01, moment + interval '0.6 s'
    FROM (
        SELECT md5(CAST(number AS text) || random()) AS noise, date_trunc('milliseconds',
            CAST(:start AS timestamp) + number * CAST(:seconds AS float) / :rows * interval '1 s')
            AS moment
        FROM generate_series(0, :rows - 1) AS number
    ) AS made
    """
)


@dataclass(frozen=True, slots=True)
class History:
    """How many rows are spread over how many days, and how often each query is asked."""

    rows: int
    days: int
    runs: int


def fill(engine: Engine, history: History, end: datetime) -> None:
    """Write the rows up to that moment, hour by hour; the last day's are not vacuumed yet."""
    migrate(engine)
    hours = history.days * 24
    for hour in range(hours):
        if hour == hours - 24:
            _vacuum(engine)
        start = end - timedelta(hours=hours - hour)
        rows = history.rows * (hour + 1) // hours - history.rows * hour // hours
        tag = f"sentiment:{'old' if hour < hours * NEW_MODEL_AFTER else 'new'}"
        with engine.begin() as connection:
            given = {"start": start, "seconds": 3600, "rows": rows, "model_tag": tag}
            connection.execute(FILL, given)
    with engine.begin() as connection:
        connection.execute(text("ANALYZE metrics"))


def _vacuum(engine: Engine) -> None:
    """Do what PostgreSQL's own autovacuum does from time to time."""
    alone = engine.execution_options(isolation_level="AUTOCOMMIT")
    with alone.connect() as connection:
        connection.execute(text("VACUUM (ANALYZE) metrics"))
