"""The table on SQL Server, read off the statements that would create it."""

from sqlalchemy.dialects import mssql
from sqlalchemy.schema import CreateIndex, CreateTable

from db.schema import METRICS


def on_sql_server(element: CreateTable | CreateIndex) -> str:
    """Compile a statement for SQL Server, white space folded."""
    return " ".join(str(element.compile(dialect=mssql.dialect())).split())


def test_texts_times_and_ids_have_sql_servers_types() -> None:
    statement = on_sql_server(CreateTable(METRICS))

    assert "id UNIQUEIDENTIFIER NOT NULL" in statement
    assert "timestamp DATETIME2(3) NOT NULL" in statement
    assert "text NVARCHAR(max) NULL" in statement


def test_rows_lie_in_the_order_of_time_and_the_key_beside_them() -> None:
    (index,) = METRICS.indexes

    assert "PRIMARY KEY NONCLUSTERED (id)" in on_sql_server(CreateTable(METRICS))
    assert (
        "CREATE CLUSTERED INDEX ix_metrics_timestamp ON metrics (timestamp, id)"
        == on_sql_server(CreateIndex(index))
    )
