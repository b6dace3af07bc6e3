"""A service starts in no database where another program has tables of its names."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.server import BENTOML, free_port, put_into_store, run_command, run_python

TABLES = {
    "schema_version": "CREATE TABLE schema_version (version INTEGER PRIMARY KEY)",
    "metrics": "CREATE TABLE metrics (name TEXT, value REAL)",
}


@pytest.mark.parametrize(
    "name", ["metrics", pytest.param("schema_version", marks=pytest.mark.slow)]
)
def test_the_start_is_refused_in_one_line_with_table_and_difference(
    repository: Path, environment: dict[str, str], starter: Path, tmp_path: Path, name: str
) -> None:
    path = tmp_path / "theirs.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(TABLES[name])
    own = environment | {"DATABASE_URL": f"sqlite:///{path}", "SPOOL_DIR": str(tmp_path / "spool")}
    put_into_store(starter, own)

    done = run_command([BENTOML, "serve", "--port", str(free_port())], repository, own)
    with pytest.raises(AssertionError, match=f"the table {name} lacks the column"):
        run_python(["-m", "db", "setup"], own)

    (error,) = [line for line in done.stdout.splitlines() if "cannot start" in line]
    assert 1 == done.returncode
    assert f"the table {name} lacks the column" in error
    assert "Traceback" not in done.stdout
    with closing(sqlite3.connect(path)) as connection:
        assert [(TABLES[name],)] == connection.execute("SELECT sql FROM sqlite_master").fetchall()
    assert not list((tmp_path / "spool").glob("*"))
