"""The statement for SQL Server; what it does is shown where there is a server."""

from types import SimpleNamespace
from typing import Any

import pytest
import sqlglot
from sqlalchemy.dialects import mssql
from sqlglot import exp

from db.database.schema import METRICS
from db.prediction import NotAPredictionError
from db.writing.insertion import COLUMNS, INTO_SQL_SERVER, insert_if_absent
from tests.support.predictions import prediction


def parsed() -> exp.Insert:
    """Have T-SQL's grammar read the statement."""
    statement: Any = sqlglot.parse_one(
        str(INTO_SQL_SERVER.compile(dialect=mssql.dialect(paramstyle="qmark"))), dialect="tsql"
    )
    assert isinstance(statement, exp.Insert)
    return statement


def test_it_names_every_column_once_and_in_the_same_order() -> None:
    statement = parsed()

    target = [column.name for column in statement.this.expressions]
    source = [column.alias_or_name for column in statement.expression.expressions]
    read_from_json = [column.name for column in statement.find_all(exp.OpenJSONColumnDef)]
    assert COLUMNS == read_from_json
    assert [*COLUMNS, "recorded_at"] == target == source


def test_a_row_without_the_mark_of_an_earlier_version_counts_as_read_whole() -> None:
    (value,) = (column for column in parsed().expression.expressions if column.alias == "truncated")

    assert "ISNULL(truncated, 0)" == value.this.sql("tsql")


def test_all_rows_are_one_parameter() -> None:
    assert 1 == len(list(parsed().find_all(exp.Placeholder)))


def test_it_reads_no_string_shorter_than_it_is_so_that_the_table_refuses_what_is_too_long() -> None:
    types = {
        column.name: column.args["kind"].sql("tsql").lower()
        for column in parsed().find_all(exp.OpenJSONColumnDef)
    }

    assert "varchar(max)" == types["model_tag"]
    assert {"nvarchar(max)"} == {types["label"], types["text"]}
    assert METRICS.c.label.type.length == 64  # type: ignore[attr-defined]


def test_a_row_is_looked_up_as_rows_lie() -> None:
    (looked_up,) = parsed().find_all(exp.Exists)

    compared = {equal.this.sql("tsql") for equal in looked_up.find_all(exp.EQ)}
    assert {"stored.[timestamp]", "stored.id"} == compared


def test_what_is_no_prediction_is_told_before_the_server_is_asked() -> None:
    connection: Any = SimpleNamespace(dialect=SimpleNamespace(name="mssql"))  # it executes nothing

    with pytest.raises(NotAPredictionError):
        insert_if_absent(connection, [prediction().to_json(), "{"])
