"""The tables as SQL Server and others create them, and the labels that fit."""

from typing import get_args

import pytest
import sqlglot
from bentoml._internal.tag import tag_max_length
from sqlalchemy.dialects import mssql, postgresql, sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.schema import CreateIndex, CreateTable

from db.database.index_migrations import dashboard_index
from db.database.schema import METRICS, SCHEMA_VERSION, TRAINING_RUNS, LabelError, check_labels
from db.training_run import TrainingRun
from training.export.export import Precision

OTHERS = [postgresql.dialect(), sqlite.dialect()]


def compiled(element: CreateTable | CreateIndex, dialect: Dialect) -> str:
    """Return a statement on one line."""
    return " ".join(str(element.compile(dialect=dialect)).split())


def on_sql_server(element: CreateTable | CreateIndex) -> str:
    """Return a statement in T-SQL, checked by its grammar."""
    statement = compiled(element, mssql.dialect())
    (parsed,) = sqlglot.parse(statement, dialect="tsql")
    assert isinstance(parsed, sqlglot.exp.Create)
    return statement


def test_sql_server_gets_its_types_and_constraints() -> None:
    predictions = on_sql_server(CreateTable(METRICS))
    runs = on_sql_server(CreateTable(TRAINING_RUNS))

    for part in [
        "id UNIQUEIDENTIFIER NOT NULL",
        "timestamp DATETIME2(3) NOT NULL",
        "text NVARCHAR(max) NULL",
        "label NVARCHAR(64) NOT NULL",  # whatever the code page
        "CHECK (DATALENGTH([text]) <= 20000)",  # bytes in UTF-16
    ]:
        assert part in predictions
    for part in [
        "base_model NVARCHAR(max) NOT NULL",
        "seed BIGINT NOT NULL",
        "CONSTRAINT pk_training_runs PRIMARY KEY NONCLUSTERED (id)",
    ]:
        assert part in runs
    assert "version INTEGER NOT NULL" in on_sql_server(CreateTable(SCHEMA_VERSION))  # no identity


def test_sql_server_orders_rows_by_time_and_has_no_index_on_random_ids() -> None:
    (index,) = METRICS.indexes

    assert "PRIMARY KEY" not in on_sql_server(CreateTable(METRICS))
    assert (
        "CREATE UNIQUE CLUSTERED INDEX ix_metrics_timestamp ON metrics (timestamp, id)"
        == on_sql_server(CreateIndex(index))
    )


def test_the_dashboard_index_includes_all_columns_but_the_text() -> None:
    included = ["label", "confidence", "latency_ms", "model_tag", "batch_size", "truncated"]

    assert (
        "CREATE INDEX ix_metrics_dashboards ON metrics (timestamp)"
        f" INCLUDE ({', '.join(included)}, recorded_at)"
    ) == on_sql_server(CreateIndex(dashboard_index()))


@pytest.mark.parametrize("dialect", OTHERS)
def test_other_databases_have_the_id_as_key_and_limit_the_text_by_characters(
    dialect: Dialect,
) -> None:
    statement = compiled(CreateTable(METRICS), dialect)

    assert "CONSTRAINT pk_metrics PRIMARY KEY (id)" in statement
    assert 'CHECK (length("text") <= 5000)' in statement
    assert "DATALENGTH" not in statement


@pytest.mark.parametrize("label", ["positive", "позитивный", "x" * 64, "\U0001f600" * 32])
def test_labels_that_fit_the_column_pass(label: str) -> None:
    check_labels(["negative", label])


@pytest.mark.parametrize(
    ("label", "problem"),
    [
        ("x" * 65, "has 65 characters; its column holds 64"),
        ("\U0001f600" * 33, "has 66 characters; its column holds 64"),
        ("a\x00b", "contains a character that databases cannot store"),
        ("\ud83d", "contains a character that databases cannot store"),
    ],
)
def test_the_error_of_any_other_label_names_the_problem(label: str, problem: str) -> None:
    with pytest.raises(LabelError) as caught:
        check_labels(["negative", label])

    assert f"label {label!r} {problem}" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_columns_are_long_enough_for_all_possible_values() -> None:
    longest_tag = len(":") + 2 * tag_max_length
    decisions = get_args(TrainingRun.__annotations__["decision"])
    longest = {
        METRICS.c.model_tag: longest_tag,
        TRAINING_RUNS.c.model_tag: longest_tag,
        TRAINING_RUNS.c.decision: max(map(len, decisions)),
        TRAINING_RUNS.c.precision: max(map(len, get_args(Precision))),
        TRAINING_RUNS.c.git_commit: len("f" * 64),
    }

    assert not [
        column
        for column, length in longest.items()
        if length > column.type.length  # type: ignore[attr-defined]
    ]
