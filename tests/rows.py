"""The rows of a prediction log, read by a program that knows nothing of the service."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any


class Rows:
    """A SQLite file with the table `metrics`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def all(self) -> list[dict[str, Any]]:
        """Return all rows in the order of their ids."""
        return self._select("SELECT * FROM metrics ORDER BY id")

    def of_text(self, text: str) -> list[dict[str, Any]]:
        """Return the rows of one text."""
        return self._select("SELECT * FROM metrics WHERE text = ?", text)

    def _select(self, statement: str, *parameters: str) -> list[dict[str, Any]]:
        with closing(sqlite3.connect(self._path)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(statement, parameters)]
