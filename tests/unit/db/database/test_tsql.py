"""Names and texts stay what they are in statements of SQL Server."""

from typing import Any

import pytest
import sqlglot

from db.database.tsql import quote_name, quote_string


@pytest.mark.parametrize("name", ["a", "a]b", "]; DROP TABLE metrics --"])
def test_names_cannot_break_out_of_their_brackets(name: str) -> None:
    parsed: Any = sqlglot.parse_one(f"SELECT 1 AS {quote_name(name)}", dialect="tsql")

    assert name == parsed.expressions[0].alias


@pytest.mark.parametrize("text", ["a", "it's", "'; DROP TABLE metrics --"])
def test_texts_cannot_break_out_of_their_quotes(text: str) -> None:
    parsed: Any = sqlglot.parse_one(f"SELECT {quote_string(text)}", dialect="tsql")

    assert text == parsed.expressions[0].name
