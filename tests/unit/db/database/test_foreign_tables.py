"""Tables of other programs with our names are rejected by name and never changed."""

import re
from typing import Any

import pytest
from sqlalchemy import Engine, Table, inspect, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from db.admin.prune import parse_age, prune
from db.admin.setup import set_up
from db.database.engine import make_engine
from db.database.foreign_tables import ForeignTableError, reject_foreign_tables
from db.database.migrations import MIGRATIONS, migrate, schema_version
from db.database.schema import METADATA, METRICS
from db.settings import DatabaseSettings, SetupSettings
from tests.support.database_fixtures import EVERY_DATABASE
from tests.support.foreign_tables import FOREIGN, OURS, Foreign, metrics_with


@pytest.fixture(name="engine")
def fixture_engine(engine: Engine) -> Engine:
    """Connect to a database without tables; on SQL Server, the setup has created them."""
    METADATA.drop_all(engine)
    return engine


def altered(column: str, kind: str) -> list[str]:
    """Return statements that create our table with another type of one column."""
    ours = str(CreateTable(metrics_with(without=(column,))).compile(dialect=postgresql.dialect()))
    return [ours, f"ALTER TABLE metrics ADD {column} {kind}"]


def described(engine: Engine) -> dict[str, Any]:
    """Return the columns and indexes of all tables and views."""
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


@EVERY_DATABASE
@pytest.mark.parametrize("foreign", FOREIGN.values(), ids=FOREIGN)
def test_a_foreign_table_is_rejected_with_its_difference_and_not_changed(
    engine: Engine, settings: SetupSettings, foreign: Foreign
) -> None:
    foreign.table.create(engine)
    before = described(engine)

    with pytest.raises(ForeignTableError, match=re.escape(foreign.difference)) as caught:
        migrate(engine)
    with pytest.raises(ForeignTableError):
        set_up(settings, lambda _: None)

    assert "\n" not in str(caught.value)
    assert before == described(engine)


@EVERY_DATABASE
def test_all_foreign_tables_are_named_at_once(engine: Engine) -> None:
    for name in ("a single version", "other metrics"):
        FOREIGN[name].table.create(engine)

    with pytest.raises(ForeignTableError, match=r"table schema_version .*; the table metrics "):
        migrate(engine)


@EVERY_DATABASE
@pytest.mark.parametrize("table", OURS.values(), ids=OURS)
def test_a_table_of_another_version_of_ours_is_accepted(engine: Engine, table: Table) -> None:
    table.create(engine)

    migrate(engine)

    assert set(METADATA.tables) <= set(inspect(engine).get_table_names())
    assert len(MIGRATIONS) == schema_version(engine)


@EVERY_DATABASE
def test_a_view_is_rejected(engine: Engine) -> None:
    METRICS.create(engine)
    execute(engine, "CREATE VIEW training_runs AS SELECT id FROM metrics")

    with pytest.raises(ForeignTableError, match="the table training_runs is a view"):
        migrate(engine)


@pytest.mark.parametrize(
    ("versions", "difference"),
    [
        ([20240101120000, 1], "contains the version 20240101120000"),
        ([0], "contains the version 0"),
        ([1, 2, 3], "contains versions, but there is no table metrics or training_runs"),
    ],
)
def test_a_foreign_table_of_versions_is_recognized_by_its_rows(
    engine: Engine, versions: list[int], difference: str
) -> None:
    if max(versions) >= 2**31 and engine.dialect.name == "postgresql":
        pytest.skip("an INTEGER of PostgreSQL holds no such version")
    execute(engine, "CREATE TABLE schema_version (version INTEGER, applied_at TIMESTAMP)")
    insertion = text("INSERT INTO schema_version VALUES (:version, CURRENT_TIMESTAMP)")
    with engine.begin() as connection:
        connection.execute(insertion, [{"version": version} for version in versions])

    with pytest.raises(ForeignTableError, match=f"the table schema_version {difference}"):
        migrate(engine)

    assert ["schema_version"] == inspect(engine).get_table_names()


@pytest.mark.filterwarnings("ignore:Did not recognize type")
@pytest.mark.parametrize(
    ("statements", "difference"),
    [
        (
            ["CREATE TABLE schema_version (version integer, applied_at timestamptz)"],
            "schema_version has the column applied_at as TIMESTAMP WITH TIME ZONE, not TIMESTAMP",
        ),
        (
            ["CREATE TABLE schema_version (version serial, applied_at timestamp)"],
            "schema_version generates the values of the column version",
        ),
        (
            ["CREATE TYPE mood AS ENUM ('good')", *altered("label", "mood")],
            "metrics has the column label as mood, not VARCHAR",
        ),
        (altered("text", "xml"), "metrics has the column text as an unknown type"),
        (altered("confidence", "numeric(4, 0)"), "metrics has the column confidence as"),
        (altered("timestamp", "timestamptz"), "metrics has the column timestamp as"),
        (["CREATE SEQUENCE metrics"], "metrics is a sequence"),
        (["CREATE MATERIALIZED VIEW metrics AS SELECT 1"], "metrics is a materialized view"),
    ],
)
def test_what_only_postgresql_has_is_rejected(
    engine: Engine, statements: list[str], difference: str
) -> None:
    if engine.dialect.name != "postgresql":
        pytest.skip("only PostgreSQL has these")
    for statement in statements:
        execute(engine, statement)
    before = described(engine)

    with pytest.raises(ForeignTableError, match=re.escape(f"the table {difference}")):
        migrate(engine)

    assert before == described(engine)


@pytest.mark.parametrize(
    ("statement", "difference"),
    [
        ("CREATE VIEW METRICS AS SELECT 1 AS id", "metrics is a view"),
        ("CREATE VIRTUAL TABLE Metrics USING fts5(id)", "metrics is a virtual table"),
        ("CREATE TABLE schema_version (version, applied_at)", "schema_version has the column"),
    ],
)
def test_what_only_sqlite_has_is_rejected(
    sqlite: DatabaseSettings, statement: str, difference: str
) -> None:
    engine = make_engine(sqlite)
    execute(engine, statement)
    before = described(engine)

    with pytest.raises(ForeignTableError, match=f"the table {difference}"):
        migrate(engine)

    assert before == described(engine)
    engine.dispose()


def test_an_index_of_another_schema_is_not_dropped(engine: Engine) -> None:
    if engine.dialect.name != "postgresql":
        pytest.skip("only PostgreSQL has a search path")
    migrate(engine, MIGRATIONS[:4])
    execute(engine, "CREATE INDEX ix_metrics_timestamp ON metrics (timestamp)")
    execute(engine, "CREATE SCHEMA tester")  # the login's name: it comes first in the search path
    execute(engine, "CREATE TABLE tester.other (value float)")
    execute(engine, "CREATE INDEX ix_metrics_timestamp ON tester.other (value)")

    migrate(engine)

    inspector = inspect(engine)
    assert 1 == len(inspector.get_indexes("other", schema="tester"))
    names = {index["name"] for index in inspector.get_indexes("metrics", schema="public")}
    assert {"ix_metrics_dashboards"} == names


def test_a_dropped_table_is_created_before_the_migrations_that_change_it(engine: Engine) -> None:
    migrate(engine, MIGRATIONS[:2])
    execute(engine, "DROP TABLE metrics")

    migrate(engine)

    assert len(MIGRATIONS) == schema_version(engine)
    assert "truncated" in {column["name"] for column in inspect(engine).get_columns("metrics")}


@EVERY_DATABASE
def test_an_empty_table_of_versions_is_ours(engine: Engine) -> None:
    migrate(engine)
    execute(engine, "DELETE FROM schema_version")

    migrate(engine)

    assert len(MIGRATIONS) == schema_version(engine)


@EVERY_DATABASE
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
                reject_foreign_tables(connection)
        else:
            reject_foreign_tables(connection)


@EVERY_DATABASE
def test_rows_of_a_foreign_table_are_not_pruned(engine: Engine) -> None:
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
        assert len(MIGRATIONS) == schema_version(chosen)
        chosen.dispose()
    for path in ("theirs", "theirs,ours"):
        chosen = engine_of(path)
        with pytest.raises(ForeignTableError, match="schema_version lacks"):
            migrate(chosen)
        chosen.dispose()
