"""Every query returns what Python computes from the same rows.

The queries run on PostgreSQL, translated by sqlglot; `tests/sqlserver/` runs them untranslated.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from statistics import mean
from typing import Any

import pytest
import sqlglot
from sqlalchemy import Engine, create_engine, insert, text
from sqlalchemy.dialects.mssql.base import RESERVED_WORDS

from db.database.migrations import migrate
from db.database.schema import METRICS, TRAINING_RUNS
from db.prediction import Prediction, new_id
from grafana.expansion import (
    View,
    expand,
    panel_queries,
    read_dashboard,
    rule_queries,
    rule_view,
    to_postgresql,
    variable_queries,
)
from tests.support.postgres import running_or_skipped

NOW = datetime(2026, 3, 1, 12, 0, 0)
LABELS = ("negative", "neutral", "positive")
TAGS = ("sentiment:new", "sentiment:old")
VIEW = View(NOW - timedelta(minutes=15), NOW, 30, TAGS, LABELS)

Rows = list[dict[str, Any]]
Ask = Callable[[str, View], Rows]


@dataclass(frozen=True)
class Row(Prediction):
    """A prediction, and when its row was written."""

    recorded_at: datetime | None = None

    @property
    def delay_s(self) -> float | None:
        """Return the seconds in between, None for rows older than the column."""
        return self.recorded_at and (self.recorded_at - self.timestamp).total_seconds()


def random_row(moment: datetime, rng: random.Random) -> Row:
    """Return a prediction at a time."""
    timestamp = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    delay = timedelta(milliseconds=rng.choice([50, 700, 40 * 86_400_000]))
    return Row(
        id=new_id(),
        timestamp=timestamp,
        text="some text",
        latency_ms=round(rng.lognormvariate(2, 1), 3),
        label=rng.choices(LABELS, (2, 3, 5))[0],
        confidence=round(rng.uniform(0.34, 1), 6),
        model_tag=TAGS[moment < NOW - timedelta(minutes=5)],
        batch_size=rng.randint(1, 32),
        truncated=rng.random() < 0.1,
        recorded_at=timestamp + delay if rng.random() > 0.2 else None,
    )


@pytest.fixture(name="predictions", scope="module")
def fixture_predictions() -> list[Row]:
    """Return predictions of the last 15 minutes, and fewer of the day before."""
    rng = random.Random(7)
    ages_s = [rng.uniform(1, 890) for _ in range(600)]
    ages_s += [rng.uniform(4000, 80000) for _ in range(300)]
    return [random_row(NOW - timedelta(seconds=age_s), rng) for age_s in ages_s]


@pytest.fixture(name="runs", scope="module")
def fixture_runs() -> Rows:
    """Return training runs of several days."""
    rng = random.Random(8)
    shares = ("accuracy", "macro_recall", "macro_f1", "expected_calibration_error")
    return [
        dict.fromkeys((*shares, "base_accuracy", "loss", "duration_s"), rng.random())
        | {
            "id": new_id(),
            "timestamp": NOW - timedelta(days=days),
            "decision": "promoted" if days % 3 else "rejected",
            "reason": "better",
            "base_model": "base",
            "champion_accuracy": rng.random() if days % 2 else None,
            "p_value": rng.random() if days % 2 else None,
            "train_size": 1000,
            "eval_size": 200,
            "seed": days,
        }
        for days in range(1, 9)
    ]


@pytest.fixture(name="engine", scope="module")
def fixture_engine(predictions: list[Row], runs: Rows) -> Iterator[Engine]:
    """Start a database with these rows."""
    with running_or_skipped() as server:
        engine = create_engine(server.environment()["DATABASE_URL"])
        migrate(engine)
        with engine.begin() as connection:
            connection.execute(insert(METRICS), [asdict(row) for row in predictions])
            connection.execute(insert(TRAINING_RUNS), runs)
        yield engine
        engine.dispose()


@pytest.fixture(name="ask")
def fixture_ask(engine: Engine) -> Ask:
    """Return a function that runs a query at the time NOW."""

    def ask(statement: str, view: View) -> Rows:
        translated = text(to_postgresql(statement, view, NOW))
        with engine.connect() as connection:
            return [dict(row) for row in connection.execute(translated).mappings()]

    return ask


@pytest.fixture(name="buckets")
def fixture_buckets(predictions: list[Row]) -> dict[int, list[Row]]:
    """Return the rows of the view by bucket."""
    found = defaultdict(list)
    for row in predictions:
        if VIEW.start <= row.timestamp <= VIEW.end:
            found[VIEW.bucket(row.timestamp)].append(row)
    return dict(sorted(found.items()))


def nearest_rank(values: Sequence[float], percent: int) -> float:
    """Return a percentile by nearest rank."""
    ordered = sorted(values)
    return ordered[-(-len(ordered) * percent // 100) - 1]


def approx(rows: Rows) -> Any:
    """Return rows that equal others approximately."""
    return [
        {
            name: pytest.approx(value) if isinstance(value, float) else value
            for name, value in row.items()
        }
        for row in rows
    ]


EXPECTED: dict[str, Callable[[list[Row]], dict[str, float]]] = {
    "Predictions per second": lambda rows: {"predictions": len(rows) / VIEW.bucket_s},
    "Latency": lambda rows: {
        "mean": mean(row.latency_ms for row in rows),
        **{f"p{p}": nearest_rank([row.latency_ms for row in rows], p) for p in (50, 95, 99)},
    },
    "Mean confidence": lambda rows: {"confidence": mean(row.confidence for row in rows)},
    "Share of predictions below 60% confidence": lambda rows: {
        "share": mean(float(row.confidence < 0.6) for row in rows)
    },
    "Batch size": lambda rows: {
        "mean": len(rows) / sum(1 / row.batch_size for row in rows),
        "largest": max(row.batch_size for row in rows),
    },
    "Share of truncated texts": lambda rows: {
        "share": mean(float(row.truncated) for row in rows if row.truncated is not None)
    },
    "Delay from prediction to row": lambda rows: {
        "mean": mean(row.delay_s for row in rows if row.delay_s is not None),
        "longest": max(row.delay_s for row in rows if row.delay_s is not None),
    },
}


@pytest.mark.parametrize("title", EXPECTED)
def test_aggregates_by_bucket(
    repository: Path, ask: Ask, buckets: dict[int, list[Row]], title: str
) -> None:
    found = ask(panel_queries(repository, "service")[title], VIEW)

    expected = [{"time": time, **EXPECTED[title](rows)} for time, rows in buckets.items()]
    assert 20 < len(expected)
    assert approx(expected) == as_floats(found)


def as_floats(rows: Rows) -> Rows:
    """Return rows with all values as floats."""
    return [{name: float(value) for name, value in row.items()} for row in rows]


def test_labels_by_bucket(repository: Path, ask: Ask, buckets: dict[int, list[Row]]) -> None:
    found = ask(panel_queries(repository, "service")["Label shares"], VIEW)

    expected = [
        (time, label, count)
        for time, rows in buckets.items()
        for label, count in sorted(Counter(row.label for row in rows).items())
    ]
    assert expected == [(int(row["time"]), row["metric"], row["value"]) for row in found]


def test_only_selected_models_and_labels_are_counted(
    repository: Path, ask: Ask, buckets: dict[int, list[Row]]
) -> None:
    view = View(VIEW.start, VIEW.end, VIEW.bucket_s, TAGS[:1], LABELS[2:])

    found = ask(panel_queries(repository, "service")["Predictions per second"], view)

    chosen = [
        row
        for rows in buckets.values()
        for row in rows
        if (row.model_tag, row.label) == (TAGS[0], LABELS[2])
    ]
    assert chosen
    assert len(chosen) == round(sum(float(row["predictions"]) * VIEW.bucket_s for row in found))


def test_buckets_without_predictions_are_zero(repository: Path) -> None:
    found = panel_queries(repository, "service")["Predictions per second"]

    assert found.startswith("SELECT $__timeGroup(timestamp, '$__interval', 0) AS time")


def test_all_equals_every_choice_together(repository: Path, ask: Ask) -> None:
    everything = View(VIEW.start, VIEW.end, VIEW.bucket_s)  # what Grafana sends for "All"
    content = read_dashboard(repository, "service")["templating"]
    query = panel_queries(repository, "service")["Mean confidence"]

    assert {one["name"]: one["name"] for one in content["list"]} == {
        one["name"]: one["allValue"] for one in content["list"]
    }
    assert ask(query, VIEW) == ask(query, everything)


@pytest.mark.parametrize("name", ["service", "quality"])
def test_no_unquoted_name_is_reserved_in_sql_server(repository: Path, name: str) -> None:
    statements = panel_queries(repository, name) | variable_queries(repository, name)
    statements |= {uid: statement for uid, (statement, _) in rule_queries(repository).items()}

    bare = {
        identifier.name
        for statement in statements.values()
        for identifier in sqlglot.parse_one(expand(statement, VIEW), read="tsql").find_all(
            sqlglot.exp.Identifier
        )
        if not identifier.quoted
    }

    assert {"timestamp", "model_tag"} & bare
    assert set() == bare & RESERVED_WORDS


@pytest.mark.parametrize("view", [VIEW, View(NOW - timedelta(seconds=1), NOW, 30, TAGS, LABELS)])
def test_the_age_of_the_newest_row_may_exceed_the_range(
    repository: Path, ask: Ask, predictions: list[Row], view: View
) -> None:
    (row,) = ask(panel_queries(repository, "service")["Age of the newest row"], view)

    expected = (NOW - max(row.timestamp for row in predictions)).total_seconds()
    assert pytest.approx(expected, abs=1) == float(row["age"])


def test_the_latest_predictions(repository: Path, ask: Ask, predictions: list[Row]) -> None:
    found = ask(panel_queries(repository, "service")["Latest predictions"], VIEW)

    newest = sorted(predictions, key=lambda row: row.timestamp, reverse=True)[:50]
    assert [row.timestamp for row in newest] == [row["timestamp"] for row in found]
    assert {"label", "confidence", "latency_ms", "truncated", "text"} <= set(found[0])


def test_variables_and_annotations(
    repository: Path, ask: Ask, buckets: dict[int, list[Row]]
) -> None:
    queries = variable_queries(repository, "service")

    found = {name: ask(query, VIEW) for name, query in queries.items()}

    seen = [row for rows in buckets.values() for row in rows]
    assert {"model_tag", "label", "New model"} == set(found)
    assert set(TAGS) == {row["model_tag"] for row in found["model_tag"]}
    assert set(LABELS) == {row["label"] for row in found["label"]}
    first = min(row.timestamp for row in seen if row.model_tag == TAGS[0])
    assert [{"time": first, "text": TAGS[0]}] == found["New model"]  # the old one was in use before


RUN_COLUMNS = {
    "Accuracy on the evaluation rows": {
        "candidate": "accuracy",
        "champion": "champion_accuracy",
        "base": "base_accuracy",
    },
    "Macro recall and F1 of the candidate": {
        "macro_recall": "macro_recall",
        "macro_f1": "macro_f1",
    },
    "Expected calibration error": {"expected_calibration_error": "expected_calibration_error"},
    "p-value": {"p_value": "p_value"},
    "Training loss": {"loss": "loss"},
    "Duration of the run": {"duration_s": "duration_s"},
}


@pytest.mark.parametrize("title", RUN_COLUMNS)
def test_columns_of_training_runs(repository: Path, ask: Ask, runs: Rows, title: str) -> None:
    view = View(NOW - timedelta(days=5, hours=1), NOW, 60)

    found = ask(panel_queries(repository, "quality")[title], view)

    expected = [
        {"time": run["timestamp"]}
        | {shown: run[column] for shown, column in RUN_COLUMNS[title].items()}
        for run in sorted(runs, key=lambda run: run["timestamp"])
        if run["timestamp"] >= view.start
    ]
    assert 5 == len(expected)
    assert approx(expected) == found


def test_promotions_and_the_latest_runs(repository: Path, ask: Ask, runs: Rows) -> None:
    view = View(NOW - timedelta(days=30), NOW, 60)
    queries = panel_queries(repository, "quality")

    (counted,) = ask(queries["Promoted models and runs"], view)
    listed = ask(queries["Latest runs"], view)

    promoted = sum(run["decision"] == "promoted" for run in runs)
    assert {"promoted": promoted, "runs": len(runs)} == counted
    assert sorted(run["seed"] for run in runs) == [row["seed"] for row in listed]


def test_every_panel_is_tested(repository: Path) -> None:
    special = {"Label shares", "Age of the newest row", "Latest predictions"}

    assert set(EXPECTED) | special == set(panel_queries(repository, "service"))
    special = {"Promoted models and runs", "Latest runs"}
    assert set(RUN_COLUMNS) | special == set(panel_queries(repository, "quality"))


def test_alert_rules(repository: Path, ask: Ask, predictions: list[Row]) -> None:
    found = {}
    for uid, (statement, range_s) in rule_queries(repository).items():
        (row,) = ask(statement, rule_view(NOW, range_s))
        assert NOW == row.pop("time")
        ((found[uid],)) = row.values()

    day = [row for row in predictions if NOW - row.timestamp <= timedelta(hours=25)]
    recent = [row for row in day if NOW - row.timestamp <= timedelta(hours=1)]
    earlier = [row for row in day if row not in recent]
    last = [row for row in day if NOW - row.timestamp <= timedelta(minutes=5)]
    shares = [
        {label: sum(row.label == label for row in rows) / len(rows) for label in LABELS}
        for rows in (recent, earlier)
    ]
    expected = {
        "p95-latency": nearest_rank([row.latency_ms for row in last], 95),
        "no-rows": sum(NOW - row.timestamp <= timedelta(minutes=10) for row in day),
        "confidence-drop": mean(row.confidence for row in earlier)
        - mean(row.confidence for row in recent),
        "label-shift": sum(abs(shares[0][label] - shares[1][label]) for label in LABELS) / 2,
    }
    assert pytest.approx(expected) == {uid: float(value) for uid, value in found.items()}


def test_rules_on_shifts_do_not_fire_with_few_rows(repository: Path, ask: Ask) -> None:
    views = {
        "no rows": rule_view(NOW - timedelta(days=2), 25 * 3600),
        "rows of the last hour only": rule_view(NOW, 3600),
    }

    for view in views.values():
        for uid in ("confidence-drop", "label-shift"):
            (row,) = ask(rule_queries(repository)[uid][0], view)
            assert 0 == list(row.values())[1]
