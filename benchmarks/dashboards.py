"""The benchmark of dashboards: how long PostgreSQL takes for what they ask, over many rows."""

import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine, make_url, text
from sqlalchemy.exc import SQLAlchemyError

from benchmarks.database import VARIABLE, claim, count_rows, engine_of
from benchmarks.hardware import Machine
from benchmarks.history import History, fill
from benchmarks.postgres import PostgreSQL, installed_programs
from benchmarks.settings import REPOSITORY, Settings
from benchmarks.stats import Spread, table
from benchmarks.targets import Goal
from db.prediction import utc_now
from db.settings import SettingsError
from grafana.expansion import View, in_postgresql, others, panels, rules, since

ERRORS = (SettingsError, SQLAlchemyError)

SHOWN = timedelta(minutes=15)  # as the dashboard opens
BUCKET_S = 15
MOST_PANEL_MS = 100.0
MOST_RULE_MS = 1000.0


@dataclass(frozen=True, slots=True)
class Report:
    """How long each panel and each alert rule takes, in milliseconds."""

    machine: Machine
    rows: int
    days: int
    panels_ms: dict[str, Spread]
    rules_ms: dict[str, Spread]

    def goals(self) -> list[Goal]:
        """Return what is wanted of the median of each query."""
        return [
            *(Goal(name, each.median, most=MOST_PANEL_MS) for name, each in self.panels_ms.items()),
            *(Goal(name, each.median, most=MOST_RULE_MS) for name, each in self.rules_ms.items()),
        ]

    def show(self) -> str:
        """Return it as text."""
        spreads = [*self.panels_ms.values(), *self.rules_ms.values()]
        lines = [
            (goal.name, spread.show(1), *goal.show()[2:])
            for goal, spread in zip(self.goals(), spreads, strict=True)
        ]
        return (
            f"\n{self.rows:,} rows of {self.days} days in PostgreSQL, on {self.machine.show()};"
            f" panels show {SHOWN.total_seconds() / 60:.0f} minutes\n\n"
            f"{table([('query', 'ms: median (lowest .. highest)', 'wanted', ''), *lines])}"
        )


def run(settings: Settings) -> Report:
    """Fill a database, and ask it what Grafana would. Raises what is in ERRORS."""
    settings.output.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        engine = engine_of(_url(settings.database_url, stack))
        stack.callback(engine.dispose)
        history, end = settings.effort.history, utc_now()
        fill(engine, history, end)
        return Report(
            machine=Machine.read(),
            rows=history.rows,
            days=history.days,
            panels_ms=_measure(engine, _panels(end), end, history),
            rules_ms=_measure(engine, _rules(end), end, history),
        )


def _url(given: str | None, stack: ExitStack) -> str:
    """Return the URL of an empty PostgreSQL database, by default of a server of its own."""
    if given is None:
        if (programs := installed_programs()) is None:
            raise SettingsError(
                VARIABLE, "is not set, and no PostgreSQL server is installed here", "Do either"
            )
        return stack.enter_context(PostgreSQL(programs)).sqlalchemy_url
    if make_url(given).get_backend_name() != "postgresql":
        raise SettingsError(VARIABLE, "names no PostgreSQL database", "Name one, or unset it")
    claim(given)
    if rows := count_rows(given):
        raise SettingsError(VARIABLE, f"names a database that has {rows} rows", "Empty it")
    return given


def _panels(end: datetime) -> dict[str, tuple[str, View]]:
    view = View(end - SHOWN, end, BUCKET_S)
    queries = {**panels(REPOSITORY, "service"), **others(REPOSITORY, "service")}
    return {name: (query, view) for name, query in queries.items()}


def _rules(end: datetime) -> dict[str, tuple[str, View]]:
    return {
        f"alert {uid}": (query, since(end, range_s))
        for uid, (query, range_s) in rules(REPOSITORY).items()
    }


def _measure(
    engine: Engine, queries: dict[str, tuple[str, View]], end: datetime, history: History
) -> dict[str, Spread]:
    return {
        name: Spread.of([_took_ms(engine, in_postgresql(*query, end)) for _ in range(history.runs)])
        for name, query in queries.items()
    }


def _took_ms(engine: Engine, statement: str) -> float:
    with engine.connect() as connection:
        start_s = time.perf_counter()
        connection.execute(text(statement)).fetchall()
        return (time.perf_counter() - start_s) * 1000
