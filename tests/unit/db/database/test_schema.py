"""The tables on SQL Server, read off the statements that would create them."""

import pytest
import sqlglot
from sqlalchemy.dialects import mssql, postgresql, sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.schema import CreateIndex, CreateTable

from db.database.index_migrations import dashboard_index
from db.database.schema import METRICS, SCHEMA_VERSION, TRAINING_RUNS


def compiled(element: CreateTable | CreateIndex, dialect: Dialect) -> str:
    """Compile a statement, white space folded."""
    return " ".join(str(element.compile(dialect=dialect)).split())


def on_sql_server(element: CreateTable | CreateIndex) -> str:
    """Compile a statement for SQL Server, and have T-SQL's grammar accept it."""
    statement = compiled(element, mssql.dialect())
    (parsed,) = sqlglot.parse(statement, dialect="tsql")
    assert isinstance(parsed, sqlglot.exp.Create)
    return statement


def test_texts_times_and_ids_have_sql_servers_types() -> None:
    statement = on_sql_server(CreateTable(METRICS))

    assert "id UNIQUEIDENTIFIER NOT NULL" in statement
    assert "timestamp DATETIME2(3) NOT NULL" in statement
    assert "text NVARCHAR(max) NULL" in statement


def test_rows_lie_in_the_order_of_time_and_no_index_is_on_random_ids() -> None:
    (index,) = METRICS.indexes

    assert "PRIMARY KEY" not in on_sql_server(CreateTable(METRICS))
    assert (
        "CREATE UNIQUE CLUSTERED INDEX ix_metrics_timestamp ON metrics (timestamp, id)"
        == on_sql_server(CreateIndex(index))
    )


@pytest.mark.parametrize("dialect", [postgresql.dialect(), sqlite.dialect()])
def test_elsewhere_the_id_which_is_ordered_by_time_is_the_key(dialect: Dialect) -> None:
    assert "CONSTRAINT pk_metrics PRIMARY KEY (id)" in compiled(CreateTable(METRICS), dialect)


def test_dashboards_find_all_but_the_texts_in_one_index() -> None:
    read = ["label", "confidence", "latency_ms", "model_tag", "batch_size", "truncated"]

    assert (
        "CREATE INDEX ix_metrics_dashboards ON metrics (timestamp)"
        f" INCLUDE ({', '.join(read)}, recorded_at)"
    ) == on_sql_server(CreateIndex(dashboard_index()))


def test_labels_have_no_code_page() -> None:
    assert "label NVARCHAR(64) NOT NULL" in on_sql_server(CreateTable(METRICS))


def test_training_runs_have_types_that_hold_long_paths_and_large_seeds() -> None:
    statement = on_sql_server(CreateTable(TRAINING_RUNS))

    assert "base_model NVARCHAR(max) NOT NULL" in statement
    assert "seed BIGINT NOT NULL" in statement
    assert "CONSTRAINT pk_training_runs PRIMARY KEY NONCLUSTERED (id)" in statement


def test_sql_server_bounds_a_text_by_its_bytes_in_utf_16() -> None:
    assert "CHECK (DATALENGTH([text]) <= 20000)" in on_sql_server(CreateTable(METRICS))


@pytest.mark.parametrize("dialect", [postgresql.dialect(), sqlite.dialect()])
def test_other_databases_bound_it_by_its_characters(dialect: Dialect) -> None:
    statement = compiled(CreateTable(METRICS), dialect)

    assert 'CHECK (length("text") <= 5000)' in statement
    assert "DATALENGTH" not in statement


def test_versions_have_no_identity() -> None:
    assert "version INTEGER NOT NULL" in on_sql_server(CreateTable(SCHEMA_VERSION))
