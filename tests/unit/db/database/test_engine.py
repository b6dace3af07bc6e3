"""Connections time out when the network drops packets, and parameters of a URL apply."""

import time
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from db.database.engine import make_engine
from db.settings import DatabaseSettings, SettingsError
from tests.support.postgres import DATABASE, USER, PostgreSQL
from tests.support.proxy import Proxy
from tests.support.server import free_port

TIMEOUT_S = 1
# FULL, and on macOS flushes to the disk itself. Source: https://sqlite.org/pragma.html
DURABILITY = {"synchronous": 2, "fullfsync": 1, "checkpoint_fullfsync": 1}
HANGS_S = 30  # far more than all timeouts together


def run_queries(engine: Engine) -> None:
    """Connect, and run some queries in a transaction."""
    with engine.begin() as connection:
        for _ in range(10):
            connection.exec_driver_sql("SELECT 1")


@pytest.mark.parametrize("requests", [0, 1, 2, 3, 5, 7])
def test_a_first_connection_without_answers_times_out(
    postgresql: PostgreSQL, requests: int
) -> None:
    with Proxy(postgresql.address) as proxy:
        url = postgresql.environment(proxy.port)["DATABASE_URL"]
        engine = make_engine(DatabaseSettings(database_url=url, database_timeout_s=TIMEOUT_S))
        proxy.drop_answers(requests)
        start_s = time.monotonic()

        with pytest.raises(SQLAlchemyError):
            run_queries(engine)

        assert time.monotonic() - start_s < HANGS_S
        engine.dispose()


def test_options_of_the_url_apply(postgresql: PostgreSQL) -> None:
    url = postgresql.environment()["DATABASE_URL"] + "?options=-csearch_path%3Dmine"
    engine = make_engine(DatabaseSettings(database_url=url, database_timeout_s=7))

    with engine.connect() as connection:
        path = connection.exec_driver_sql("SHOW search_path").scalar()
        timeout = connection.exec_driver_sql("SHOW statement_timeout").scalar()
    engine.dispose()

    assert ("mine", "7s") == (path, timeout)


@pytest.mark.parametrize(
    "place",
    [
        "/{database}?host={host}:{port}",
        "/{database}?host={host}:{closed}&host={host}:{port}",
        "/{database}?host={host}:{port}&host={host}:{closed}",
        "/{database}?host={host},{host}&port={closed},{port}",
        "/{database}?host={host}&port={port}&connect_timeout=3",
        "{host}:{port}/{database}?options=-csearch_path%3Da&options=-csearch_path%3Db",
    ],
)
def test_hosts_in_the_query_are_reached(postgresql: PostgreSQL, place: str) -> None:
    host, port = postgresql.address
    where = place.format(host=host, port=port, closed=free_port(), database=DATABASE)
    engine = make_engine(
        DatabaseSettings(database_url=f"postgresql://{USER}@{where}", database_timeout_s=7)
    )

    with engine.connect() as connection:
        timeout = connection.exec_driver_sql("SHOW statement_timeout").scalar()
        reached = connection.exec_driver_sql("SHOW port").scalar()
    engine.dispose()

    assert ("7s", str(port)) == (timeout, reached)


@pytest.mark.parametrize(
    ("url_query", "threshold", "is_autocommit"),
    [
        ("", 5, False),
        ("?prepare_threshold=0", 0, False),
        ("?prepare_threshold=none", None, False),
        ("?autocommit=false&prepare_threshold=7", 7, False),
        ("?autocommit=true", 5, True),
    ],
)
def test_psycopgs_own_parameters_have_their_types(
    postgresql: PostgreSQL, url_query: str, threshold: int | None, is_autocommit: bool
) -> None:
    url = postgresql.environment()["DATABASE_URL"] + url_query
    engine = make_engine(DatabaseSettings(database_url=url))

    with engine.connect() as connection:
        driver = connection.connection.driver_connection
        run_queries(engine)
    engine.dispose()

    assert (threshold, is_autocommit) == (driver.prepare_threshold, driver.autocommit)


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("prepare_threshold=-1", "has a value of prepare_threshold that is not a whole number"),
        ("prepare_threshold=1&prepare_threshold=2", "has a value of prepare_threshold that"),
        ("autocommit=perhaps", "has a value of autocommit that is not true or false"),
        ("host=::1&host=::2", r"names a database that cannot be used here \(postgresql: "),
    ],
)
def test_parameters_that_cannot_be_used_are_refused(query: str, problem: str) -> None:
    settings = DatabaseSettings(database_url=f"postgresql://u@/db?{query}")

    with pytest.raises(SettingsError, match=f"^DATABASE_URL.* {problem}") as caught:
        make_engine(settings)

    assert "\n" not in str(caught.value)


def test_a_commit_to_sqlite_is_on_the_disk_on_macos_too(tmp_path: Path) -> None:
    engine = make_engine(DatabaseSettings(database_url=f"sqlite:///{tmp_path}/x.sqlite3"))

    with engine.connect() as connection:
        values = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in DURABILITY]
    engine.dispose()

    assert list(DURABILITY.values()) == values
