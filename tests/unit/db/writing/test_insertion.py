"""The statement for SQL Server, parsed; tests/sqlserver run it."""

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
    """Parse the statement as T-SQL."""
    statement: Any = sqlglot.parse_one(
        str(INTO_SQL_SERVER.compile(dialect=mssql.dialect(paramstyle="qmark"))), dialect="tsql"
    )
    assert isinstance(statement, exp.Insert)
    return statement


def test_every_column_is_named_once_in_the_same_order() -> None:
    statement = parsed()

    target = [column.name for column in statement.this.expressions]
    source = [column.alias_or_name for column in statement.expression.expressions]
    read_from_json = [column.name for column in statement.find_all(exp.OpenJSONColumnDef)]
    assert COLUMNS == read_from_json
    assert [*COLUMNS, "recorded_at"] == target == source


def test_a_row_of_an_earlier_version_is_not_truncated() -> None:
    (value,) = (column for column in parsed().expression.expressions if column.alias == "truncated")

    assert "ISNULL(truncated, 0)" == value.this.sql("tsql")


def test_all_rows_are_one_parameter() -> None:
    assert 1 == len(list(parsed().find_all(exp.Placeholder)))


def test_long_strings_are_not_cut_so_that_the_table_refuses_them() -> None:
    types = {
        column.name: column.args["kind"].sql("tsql").lower()
        for column in parsed().find_all(exp.OpenJSONColumnDef)
    }

    assert "varchar(max)" == types["model_tag"]
    assert {"nvarchar(max)"} == {types["label"], types["text"]}
    assert METRICS.c.label.type.length == 64  # type: ignore[attr-defined]


def test_a_row_is_looked_up_by_the_clustered_key() -> None:
    (looked_up,) = parsed().find_all(exp.Exists)

    compared = {equal.this.sql("tsql") for equal in looked_up.find_all(exp.EQ)}
    assert {"stored.[timestamp]", "stored.id"} == compared


def test_a_body_that_is_not_a_prediction_is_an_error_before_the_insert() -> None:
    connection: Any = SimpleNamespace(dialect=SimpleNamespace(name="mssql"))  # without `execute`

    with pytest.raises(NotAPredictionError):
        insert_if_absent(connection, [prediction().to_json(), "{"])
