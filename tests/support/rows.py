"""The rows of a prediction log in SQLite, read without the service's code."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.support.server import eventually

RECORDED_WITHIN_S = 10  # the promise is 2 s on a quiet machine


class Rows:
    """The table `metrics` of a SQLite file; rows arrive shortly after the answers."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def all(self) -> list[dict[str, Any]]:
        """Return all rows in the order of their ids."""
        return self._select("SELECT * FROM metrics ORDER BY id")

    def of_text(self, text: str) -> list[dict[str, Any]]:
        """Return the rows of one text."""
        return self._select("SELECT * FROM metrics WHERE text = ?", text)

    def awaited(self, texts: Sequence[str]) -> list[dict[str, Any]]:
        """Wait for exactly one row of each text, and return them. Raises AssertionError."""
        wanted = set(texts)
        eventually(lambda: {row["text"] for row in self.all()} >= wanted, RECORDED_WITHIN_S)
        found = self.all()
        by_text = {text: [row for row in found if row["text"] == text] for text in wanted}
        assert {1} == {len(rows) for rows in by_text.values()}
        return [by_text[text][0] for text in texts]

    def _select(self, statement: str, *parameters: str) -> list[dict[str, Any]]:
        with closing(sqlite3.connect(self._path)) as connection:
            connection.row_factory = sqlite3.Row
            try:
                return [dict(row) for row in connection.execute(statement, parameters)]
            except sqlite3.OperationalError as error:
                if "no such table" not in str(error):
                    raise
                return []  # a service may be ready before it has created its tables
