"""Connections end in time, whatever the network swallows and whenever."""

import time
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from db.engine import make_engine
from db.settings import DatabaseSettings
from tests.postgres import PostgreSQL
from tests.proxy import Proxy

TIMEOUT_S = 1
# FULL; that its flushes reach the disk itself on macOS. Source: https://sqlite.org/pragma.html
DURABILITY = {"synchronous": 2, "fullfsync": 1, "checkpoint_fullfsync": 1}
HANGS_S = 30  # far more than the timeouts of connecting and of asking together


def ask(engine: Engine) -> None:
    """Connect, and ask some questions in a transaction."""
    with engine.begin() as connection:
        for _ in range(10):
            connection.exec_driver_sql("SELECT 1")


@pytest.mark.parametrize("requests", [0, 1, 2, 3, 5, 7])
def test_a_first_connection_whose_answers_are_swallowed_is_given_up(
    postgresql: PostgreSQL, requests: int
) -> None:
    with Proxy(postgresql.address) as proxy:
        url = postgresql.environment(proxy.port)["DATABASE_URL"]
        engine = make_engine(DatabaseSettings(database_url=url, database_timeout_s=TIMEOUT_S))
        proxy.swallow(requests)
        start_s = time.monotonic()

        with pytest.raises(SQLAlchemyError):
            ask(engine)

        assert time.monotonic() - start_s < HANGS_S
        engine.dispose()


def test_options_of_the_url_are_kept(postgresql: PostgreSQL) -> None:
    url = postgresql.environment()["DATABASE_URL"] + "?options=-csearch_path%3Dmine"
    engine = make_engine(DatabaseSettings(database_url=url, database_timeout_s=7))

    with engine.connect() as connection:
        path = connection.exec_driver_sql("SHOW search_path").scalar()
        timeout = connection.exec_driver_sql("SHOW statement_timeout").scalar()
    engine.dispose()

    assert ("mine", "7s") == (path, timeout)


def test_a_commit_to_sqlite_is_on_the_disk_on_macos_too(tmp_path: Path) -> None:
    engine = make_engine(DatabaseSettings(database_url=f"sqlite:///{tmp_path}/x.sqlite3"))

    with engine.connect() as connection:
        values = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in DURABILITY]
    engine.dispose()

    assert list(DURABILITY.values()) == values
