"""A database takes every step once, in order, whoever else takes them at the same time."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict

import pytest
from sqlalchemy import Connection, Engine, insert, inspect, select, text
from sqlalchemy.exc import DBAPIError

from db.database.engine import make_engine
from db.database.migrations import MIGRATIONS, migrate, schema_version
from db.database.schema import METADATA, METRICS
from db.prediction import utc_now
from db.settings import DatabaseSettings
from tests.support.database_fixtures import EVERY_DATABASE
from tests.support.predictions import prediction


def add_column(connection: Connection) -> None:
    """Take a step as a later version might have it."""
    connection.execute(text("ALTER TABLE metrics ADD note VARCHAR(20)"))


def fail(connection: Connection) -> None:
    """Change something, then fail."""
    add_column(connection)
    connection.execute(text("INSERT INTO nowhere VALUES (1)"))


def columns(engine: Engine) -> set[str]:
    """Return the columns of the table of predictions."""
    return {column["name"] for column in inspect(engine).get_columns("metrics")}


def test_an_empty_database_gets_all_tables(engine: Engine) -> None:
    migrate(engine)

    assert set(METADATA.tables) == set(inspect(engine).get_table_names())
    assert {column.name for column in METRICS.columns} == columns(engine)
    assert len(MIGRATIONS) == schema_version(engine)


@EVERY_DATABASE
def test_a_second_time_nothing_is_done(engine: Engine) -> None:
    migrate(engine)
    migrate(engine)

    assert len(MIGRATIONS) == schema_version(engine)


@EVERY_DATABASE
def test_later_steps_are_taken_by_databases_that_lack_them(engine: Engine) -> None:
    migrate(engine)

    migrate(engine, (*MIGRATIONS, add_column))

    assert "note" in columns(engine)
    assert len(MIGRATIONS) + 1 == schema_version(engine)


@EVERY_DATABASE
def test_a_step_that_fails_leaves_nothing_behind(engine: Engine) -> None:
    migrate(engine)

    with pytest.raises(DBAPIError):
        migrate(engine, (*MIGRATIONS, fail))

    assert "note" not in columns(engine)
    assert len(MIGRATIONS) == schema_version(engine)


@EVERY_DATABASE
def test_a_database_newer_than_the_code_is_left_alone(engine: Engine) -> None:
    migrate(engine, (*MIGRATIONS, add_column))

    migrate(engine)

    assert len(MIGRATIONS) + 1 == schema_version(engine)


def test_a_table_from_before_there_were_steps_is_kept(engine: Engine) -> None:
    METRICS.create(engine)

    migrate(engine)

    assert len(MIGRATIONS) == schema_version(engine)


@pytest.mark.parametrize(
    ("steps", "lacking"), [(2, ["recorded_at", "truncated"]), (3, ["truncated"])]
)
def test_a_table_of_an_earlier_version_gets_its_columns_and_keeps_its_rows(
    engine: Engine, steps: int, lacking: list[str]
) -> None:
    made = asdict(prediction()) | {"recorded_at": utc_now()}
    known = {name: value for name, value in made.items() if name not in lacking}
    migrate(engine, MIGRATIONS[:steps])
    with engine.begin() as connection:
        for name in lacking:
            connection.execute(text(f"ALTER TABLE metrics DROP COLUMN {name}"))
        connection.execute(insert(METRICS).values(known))

    migrate(engine)

    with engine.connect() as connection:
        row = connection.execute(select(METRICS)).mappings().one()
    assert known | dict.fromkeys(lacking) == row


def test_an_earlier_version_writes_after_the_step(engine: Engine) -> None:
    migrate(engine)
    row = asdict(prediction())
    del row["truncated"]

    with engine.begin() as connection:
        connection.execute(insert(METRICS).values(row))

    with engine.connect() as connection:
        assert [None] == list(connection.scalars(select(METRICS.c.truncated)))


@EVERY_DATABASE
def test_a_table_that_was_dropped_is_made_anew(engine: Engine) -> None:
    migrate(engine)
    METRICS.drop(engine)

    migrate(engine)

    assert inspect(engine).has_table("metrics")


def test_services_that_start_at_once_take_each_step_once(settings: DatabaseSettings) -> None:
    engines = [make_engine(settings) for _ in range(6)]
    barrier = threading.Barrier(len(engines))

    def start(engine: Engine) -> int:
        barrier.wait()
        migrate(engine, (*MIGRATIONS, add_column))
        version = schema_version(engine)
        engine.dispose()
        return version

    with ThreadPoolExecutor() as pool:
        versions = list(pool.map(start, engines))

    assert [len(MIGRATIONS) + 1] * 6 == versions
