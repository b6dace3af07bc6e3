"""What another program has under our names is left alone, and named."""

import re
from typing import Any

import pytest
from sqlalchemy import Engine, Table, inspect, text

from db.engine import make_engine
from db.migrations import STEPS, migrate, schema_version
from db.ownership import ForeignTableError, check_tables
from db.retention import parse_age, prune
from db.schema import METADATA, METRICS
from db.settings import DatabaseSettings
from tests.foreign_tables import FOREIGN, OURS, Foreign, metrics_with


def described(engine: Engine) -> dict[str, Any]:
    """Return all that the database says of its tables."""
    inspector = inspect(engine)
    return {
        name: (
            [(column["name"], str(column["type"])) for column in inspector.get_columns(name)],
            inspector.get_indexes(name),
        )
        for name in [*inspector.get_table_names(), *inspector.get_view_names()]
    }


def execute(engine: Engine, statement: str) -> None:
    """Change the database."""
    with engine.begin() as connection:
        connection.execute(text(statement))


@pytest.mark.parametrize("foreign", FOREIGN.values(), ids=FOREIGN)
def test_a_table_of_another_program_is_named_with_the_difference_and_left_alone(
    engine: Engine, foreign: Foreign
) -> None:
    foreign.table.create(engine)
    before = described(engine)

    with pytest.raises(ForeignTableError, match=re.escape(foreign.difference)) as caught:
        migrate(engine)

    assert "\n" not in str(caught.value)
    assert before == described(engine)


def test_all_such_tables_are_named_at_once(engine: Engine) -> None:
    for name in ("a single version", "other metrics"):
        FOREIGN[name].table.create(engine)

    with pytest.raises(ForeignTableError, match=r"table schema_version .*; the table metrics "):
        migrate(engine)


@pytest.mark.parametrize("table", OURS.values(), ids=OURS)
def test_a_table_of_another_version_of_ours_is_taken(engine: Engine, table: Table) -> None:
    table.create(engine)

    migrate(engine)

    assert set(METADATA.tables) <= set(inspect(engine).get_table_names())
    assert len(STEPS) == schema_version(engine)


def test_a_view_is_no_table_of_ours(engine: Engine) -> None:
    METRICS.create(engine)
    execute(engine, "CREATE VIEW training_runs AS SELECT id FROM metrics")

    with pytest.raises(ForeignTableError, match="the table training_runs is a view"):
        migrate(engine)


def test_an_empty_table_of_versions_is_ours(engine: Engine) -> None:
    migrate(engine)
    execute(engine, "DELETE FROM schema_version")

    migrate(engine)

    assert len(STEPS) == schema_version(engine)


def test_names_are_compared_as_the_database_does(engine: Engine) -> None:
    table = metrics_with()
    created = f"CREATE TABLE {table.name} ("
    created += ", ".join(
        f'"{column.name.upper()}" {column.type.compile(dialect=engine.dialect)}'
        for column in table.columns
    )
    execute(engine, f"{created})")

    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            with pytest.raises(ForeignTableError, match="lacks the columns id, timestamp"):
                check_tables(connection)
        else:
            check_tables(connection)


def test_nothing_of_another_program_is_deleted(engine: Engine) -> None:
    FOREIGN["metrics without a label"].table.create(engine)

    with pytest.raises(ForeignTableError):
        prune(engine, parse_age("0d"), print)


def test_only_the_first_table_of_the_search_path_counts(
    engine: Engine, settings: DatabaseSettings
) -> None:
    if engine.dialect.name != "postgresql":
        pytest.skip("only PostgreSQL has a search path")
    for schema in ("ours", "theirs"):
        execute(engine, f"CREATE SCHEMA {schema}")
    execute(engine, "CREATE TABLE theirs.metrics (value float)")
    execute(engine, "CREATE TABLE theirs.schema_version (version int)")

    def engine_of(path: str) -> Engine:
        chosen = settings.url().update_query_dict({"options": f"-csearch_path={path}"})
        return make_engine(settings, chosen)

    for path in ("ours", "ours,theirs"):
        chosen = engine_of(path)
        migrate(chosen)
        assert len(STEPS) == schema_version(chosen)
        chosen.dispose()
    for path in ("theirs", "theirs,ours"):
        chosen = engine_of(path)
        with pytest.raises(ForeignTableError, match="schema_version lacks"):
            migrate(chosen)
        chosen.dispose()
