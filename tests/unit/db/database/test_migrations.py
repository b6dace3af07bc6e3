"""Each migration is applied once and in order, even if several services start at once."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict

import pytest
from sqlalchemy import Connection, Engine, insert, inspect, select, text
from sqlalchemy.exc import DBAPIError

from db.database.engine import make_engine
from db.database.index_migrations import Migration
from db.database.migrations import MIGRATIONS, migrate, schema_version
from db.database.schema import METADATA, METRICS
from db.prediction import utc_now
from db.settings import DatabaseSettings
from tests.support.database_fixtures import EVERY_DATABASE
from tests.support.predictions import prediction


def add_column(connection: Connection) -> None:
    """Migrate as a later version might."""
    connection.execute(text("ALTER TABLE metrics ADD note VARCHAR(20)"))


def fail(connection: Connection) -> None:
    """Change the table, then fail."""
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
def test_a_database_gets_the_migrations_that_it_lacks(engine: Engine) -> None:
    migrate(engine)

    migrate(engine, (*MIGRATIONS, add_column))

    assert "note" in columns(engine)
    assert len(MIGRATIONS) + 1 == schema_version(engine)


@EVERY_DATABASE
def test_a_failed_migration_changes_nothing(engine: Engine) -> None:
    migrate(engine)

    with pytest.raises(DBAPIError):
        migrate(engine, (*MIGRATIONS, fail))

    assert "note" not in columns(engine)
    assert len(MIGRATIONS) == schema_version(engine)


@EVERY_DATABASE
@pytest.mark.parametrize("later", [(), (add_column,)], ids=["this version", "a later version"])
def test_an_up_to_date_database_is_left_alone(engine: Engine, later: tuple[Migration, ...]) -> None:
    migrate(engine, (*MIGRATIONS, *later))

    migrate(engine)

    assert len(MIGRATIONS) + len(later) == schema_version(engine)


def test_a_table_older_than_migrations_is_kept(engine: Engine) -> None:
    METRICS.create(engine)

    migrate(engine)

    assert len(MIGRATIONS) == schema_version(engine)


@pytest.mark.parametrize(
    ("migrations", "lacking"), [(2, ["recorded_at", "truncated"]), (3, ["truncated"])]
)
def test_a_table_of_an_earlier_version_gets_its_columns_and_keeps_its_rows(
    engine: Engine, migrations: int, lacking: list[str]
) -> None:
    made = asdict(prediction()) | {"recorded_at": utc_now()}
    known = {name: value for name, value in made.items() if name not in lacking}
    migrate(engine, MIGRATIONS[:migrations])
    with engine.begin() as connection:
        for name in lacking:
            connection.execute(text(f"ALTER TABLE metrics DROP COLUMN {name}"))
        connection.execute(insert(METRICS).values(known))

    migrate(engine)

    with engine.connect() as connection:
        row = connection.execute(select(METRICS)).mappings().one()
    assert known | dict.fromkeys(lacking) == row


def test_an_earlier_version_can_still_insert(engine: Engine) -> None:
    migrate(engine)
    row = asdict(prediction())
    del row["truncated"]

    with engine.begin() as connection:
        connection.execute(insert(METRICS).values(row))

    with engine.connect() as connection:
        assert [None] == list(connection.scalars(select(METRICS.c.truncated)))


@EVERY_DATABASE
def test_a_dropped_table_is_created_again(engine: Engine) -> None:
    migrate(engine)
    METRICS.drop(engine)

    migrate(engine)

    assert inspect(engine).has_table("metrics")


def test_services_that_start_at_once_apply_each_migration_once(settings: DatabaseSettings) -> None:
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
