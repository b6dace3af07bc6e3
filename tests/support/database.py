"""Databases of the fault-injection tests, which can be started, killed and read."""

from pathlib import Path
from typing import Protocol
from uuid import UUID

from tests.support.rows import Rows

Row = tuple[str, str]  # the id in its usual form, the text


class Database(Protocol):
    """A running database; ``address`` is its host and port."""

    address: tuple[str, int]

    def environment(self, port: int | None = None) -> dict[str, str]:
        """Return the service's variables; with a port of the loopback, through a proxy there."""

    def rows(self) -> list[Row]:
        """Return all rows, none if there is no table yet."""


class KillableDatabase(Database, Protocol):
    """A database whose server process belongs to the test."""

    def start(self) -> None:
        """Start the server; return once it answers."""

    def kill(self) -> None:
        """Kill the server, like a crash."""


class SQLiteDatabase:
    """A SQLite file: no server, no address, no proxy."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def environment(self) -> dict[str, str]:
        """Return the service's variables."""
        return {"DATABASE_URL": f"sqlite:///{self._path}"}

    def rows(self) -> list[Row]:
        """Return all rows."""
        return [(str(UUID(row["id"])), row["text"]) for row in Rows(self._path).all()]
