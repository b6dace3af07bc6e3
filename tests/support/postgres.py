"""A PostgreSQL server of Debian's packages, in a folder of its own."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from benchmarks import postgres
from benchmarks.postgres import DATABASE, USER, installed_programs
from tests.support.database import Row

__all__ = ["DATABASE", "USER", "PostgreSQL", "installed_programs", "running_or_skipped"]


class PostgreSQL(postgres.PostgreSQL):
    """A PostgreSQL server whose rows and logins a test can look at and change."""

    def require_password(self, role: str) -> None:
        """Have a role log in by its password (scram-sha-256) from now on; restarts the server."""
        self.stop()
        rules = self._data / "pg_hba.conf"
        rules.write_text(f"host all {role} all scram-sha-256\n{rules.read_text()}")
        self.start()

    def environment(self, port: int | None = None) -> dict[str, str]:
        """Return the service's variables; with a port of the loopback, through a proxy there."""
        return {"DATABASE_URL": self._url("postgresql+psycopg", port or self.address[1])}

    def rows(self) -> list[Row]:
        """Return the id and the text of all rows, none if there is no table yet."""
        with psycopg.connect(self.url, connect_timeout=10) as connection:
            try:
                return connection.execute("SELECT id::text, text FROM metrics").fetchall()
            except psycopg.errors.UndefinedTable:
                return []


@contextmanager
def running_or_skipped() -> Iterator[PostgreSQL]:
    """Run a server without tables; skip the test if none is installed."""
    programs = installed_programs()
    if programs is None:
        pytest.skip("no PostgreSQL server is installed here (Debian's package: postgresql)")
    with PostgreSQL(programs) as server:
        yield server
