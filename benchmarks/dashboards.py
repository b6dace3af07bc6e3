"""The benchmark of dashboards: Grafana's queries on PostgreSQL, over millions of rows."""

import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine, make_url, text
from sqlalchemy.exc import SQLAlchemyError

from benchmarks.database import VARIABLE, claim, count_rows, engine_of
from benchmarks.hardware import Machine
from benchmarks.postgres import PostgreSQL, installed_programs
from benchmarks.settings import DashboardsConfig, Settings
from benchmarks.stats import Spread, Target, table
from benchmarks.texts import REPOSITORY
from db.database.migrations import migrate
from db.prediction import utc_now
from db.settings import SettingsError
from grafana.expansion import (
    View,
    panel_queries,
    rule_queries,
    rule_view,
    to_postgresql,
    variable_queries,
)

ERRORS = (SettingsError, SQLAlchemyError)

RANGE = timedelta(minutes=15)  # of the dashboard by default
BUCKET_S = 15
MAX_PANEL_MS = 100.0
MAX_RULE_MS = 1000.0
NEW_MODEL_AFTER = 0.8
"""When the second model replaces the first, as a share of the whole time."""

# Rows at equal intervals; ids contain the time, as the service's do. Latencies are log-normal,
# texts are distinct, of 20 to 260 characters.
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
class Report:
    """Milliseconds of each panel's and each alert rule's query."""

    machine: Machine
    rows: int
    days: int
    panels_ms: dict[str, Spread]
    rules_ms: dict[str, Spread]

    def targets(self) -> list[Target]:
        """Return a target for the median of each query."""
        limits = ((self.panels_ms, MAX_PANEL_MS), (self.rules_ms, MAX_RULE_MS))
        return [
            Target(name, spread.median, most=limit)
            for spreads, limit in limits
            for name, spread in spreads.items()
        ]

    def show(self) -> str:
        """Return a table."""
        spreads = [*self.panels_ms.values(), *self.rules_ms.values()]
        lines = [
            (target.name, spread.show(1), *target.show()[2:])
            for target, spread in zip(self.targets(), spreads, strict=True)
        ]
        return (
            f"\n{self.rows:,} rows of {self.days} days in PostgreSQL, on {self.machine.show()};"
            f" panels show {RANGE.total_seconds() / 60:.0f} minutes\n\n"
            f"{table([('query', 'ms: median (lowest .. highest)', 'limit', ''), *lines])}"
        )


def run(settings: Settings) -> Report:
    """Fill a database, and time the queries. Raises ERRORS."""
    config, end = settings.profile.dashboards, utc_now()
    view = View(end - RANGE, end, BUCKET_S)
    queries = {**panel_queries(REPOSITORY, "service"), **variable_queries(REPOSITORY, "service")}
    alerts = rule_queries(REPOSITORY)
    with ExitStack() as stack:
        engine = engine_of(_url(settings.database_url, stack))
        stack.callback(engine.dispose)
        fill(engine, config, end)

        def took_ms(query: str, view: View) -> Spread:
            statement = to_postgresql(query, view, end)
            return Spread.of([_took_ms(engine, statement) for _ in range(config.runs)])

        return Report(
            machine=Machine.read(),
            rows=config.rows,
            days=config.days,
            panels_ms={name: took_ms(query, view) for name, query in queries.items()},
            rules_ms={
                f"alert {uid}": took_ms(query, rule_view(end, range_s))
                for uid, (query, range_s) in alerts.items()
            },
        )


def _url(given: str | None, stack: ExitStack) -> str:
    """Return the URL of an empty PostgreSQL database, by default on a temporary server."""
    if given is None:
        if (programs := installed_programs()) is None:
            raise SettingsError(
                VARIABLE, "is not set, and no PostgreSQL server is installed", "Do either"
            )
        return stack.enter_context(PostgreSQL(programs)).sqlalchemy_url
    if make_url(given).get_backend_name() != "postgresql":
        raise SettingsError(VARIABLE, "names no PostgreSQL database", "Name one, or unset it")
    claim(given)
    if rows := count_rows(given):
        raise SettingsError(VARIABLE, f"names a database that has {rows} rows", "Empty it")
    return given


def fill(engine: Engine, config: DashboardsConfig, end: datetime) -> None:
    """Write the rows before ``end``, hour by hour; the last day's are not vacuumed."""
    migrate(engine)
    hours = config.days * 24
    for hour in range(hours):
        if hour == hours - 24:
            _vacuum(engine)
        values = {
            "start": end - timedelta(hours=hours - hour),
            "seconds": 3600,
            "rows": config.rows * (hour + 1) // hours - config.rows * hour // hours,
            "model_tag": f"sentiment:{'old' if hour < hours * NEW_MODEL_AFTER else 'new'}",
        }
        with engine.begin() as connection:
            connection.execute(FILL, values)
    with engine.begin() as connection:
        connection.execute(text("ANALYZE metrics"))


def _vacuum(engine: Engine) -> None:
    """Do what PostgreSQL's autovacuum does from time to time."""
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text("VACUUM (ANALYZE) metrics"))


def _took_ms(engine: Engine, statement: str) -> float:
    with engine.connect() as connection:
        start_s = time.perf_counter()
        connection.execute(text(statement)).fetchall()
        return (time.perf_counter() - start_s) * 1000
