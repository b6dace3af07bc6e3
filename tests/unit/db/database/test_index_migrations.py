"""Databases get the indexes of this version, and recording does not wait for them."""

import ssl
from collections.abc import Iterator

import pytest
import sqlglot
from sqlalchemy import Connection, Engine, inspect, text

from db.database.engine import make_engine
from db.database.index_migrations import (
    CLUSTERED,
    DASHBOARD_COLUMNS,
    DASHBOARD_INDEX,
    INDEXES,
    LABEL_TYPE,
    OPTIONAL_MIGRATIONS,
    PRIMARY_KEY,
    TIMESTAMP_INDEX,
    cluster_by_time,
    create_dashboard_index,
    is_slow,
)
from db.database.migrations import MIGRATIONS, migrate, schema_version
from db.database.schema import METRICS
from db.settings import DatabaseSettings
from db.writing.insertion import insert_if_absent
from tests.support.predictions import prediction
from tests.support.stored import stored
from tests.support.tds import sqlalchemy_queries
from tests.support.tds.answers import Answer, Done, Rows
from tests.support.tds.drivers import stand_in_settings
from tests.support.tds.requests import Query
from tests.support.tds.server import TDSServer

REQUIRED = len(MIGRATIONS) - len(OPTIONAL_MIGRATIONS)
REBUILT = (
    "CREATE UNIQUE CLUSTERED INDEX ix_metrics_timestamp ON metrics ([timestamp], id)"
    " WITH (DROP_EXISTING = ON)"
)
COVERED = (
    "CREATE INDEX ix_metrics_dashboards ON metrics (timestamp)"
    " INCLUDE (label, confidence, latency_ms, model_tag, batch_size, truncated, recorded_at)"
)
# The name and the column of the primary key; names, types and uniqueness of the indexes.
Layout = tuple[str, list[list[str | int | None]], list[list[str | int | None]]]
EARLIER: dict[str, tuple[Layout, list[str]]] = {
    "the previous version": (
        (
            "varchar",
            [["pk_metrics", "id"]],
            [["pk_metrics", 2, 1], [TIMESTAMP_INDEX, CLUSTERED, 0]],
        ),
        [
            "ALTER TABLE metrics ALTER COLUMN label nvarchar(64) NOT NULL",
            "ALTER TABLE metrics DROP CONSTRAINT pk_metrics",
            REBUILT,
            COVERED,
        ],
    ),
    "the first version": (
        (
            "varchar",
            [["PK__metrics__3213E83F", "id"]],
            [["PK__metrics__3213E83F", CLUSTERED, 1], [TIMESTAMP_INDEX, 2, 0]],
        ),
        [
            "ALTER TABLE metrics ALTER COLUMN label nvarchar(64) NOT NULL",
            "ALTER TABLE metrics DROP CONSTRAINT [PK__metrics__3213E83F]",
            "DROP INDEX ix_metrics_timestamp ON metrics",
            REBUILT.partition(" WITH")[0],
            COVERED,
        ],
    ),
    "this version": (
        ("nvarchar", [], [[TIMESTAMP_INDEX, CLUSTERED, 1], [DASHBOARD_INDEX, 2, 0]]),
        [],
    ),
}


def create_previous_version(engine: Engine, rows: int = 3) -> None:
    """Create the schema of the previous version, with some rows."""
    migrate(engine, MIGRATIONS[:REQUIRED])
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            columns = "timestamp, id"
            connection.execute(text(f"CREATE INDEX {TIMESTAMP_INDEX} ON metrics ({columns})"))
        insert_if_absent(connection, [prediction().to_json() for _ in range(rows)])


def indexes(engine: Engine) -> dict[str, list[str]]:
    """Return the columns of the indexes, the included ones too."""
    return {
        str(index["name"]): [str(name) for name in index["column_names"]]
        + index.get("dialect_options", {}).get("postgresql_include", [])
        for index in inspect(engine).get_indexes("metrics")
    }


EXPECTED = {
    "postgresql": {DASHBOARD_INDEX: ["timestamp", *DASHBOARD_COLUMNS]},
    "sqlite": {TIMESTAMP_INDEX: ["timestamp", "id"]},
}


def test_a_new_database_has_the_indexes(engine: Engine) -> None:
    migrate(engine)

    assert EXPECTED[engine.dialect.name] == indexes(engine)


def test_a_database_of_the_previous_version_gets_the_indexes_and_keeps_its_rows(
    engine: Engine, settings: DatabaseSettings
) -> None:
    create_previous_version(engine)
    before = stored(settings)

    migrate(engine)

    assert EXPECTED[engine.dialect.name] == indexes(engine)
    assert before == stored(settings)
    assert len(MIGRATIONS) == schema_version(engine)


def test_a_dropped_table_gets_the_indexes_again(engine: Engine) -> None:
    migrate(engine)
    METRICS.drop(engine)

    migrate(engine)

    assert EXPECTED[engine.dialect.name] == indexes(engine)


def test_a_large_table_is_migrated_by_the_setup_only_even_after_later_migrations(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("db.database.index_migrations.MAX_ROWS_AT_STARTUP", 2)
    create_previous_version(engine)
    before = indexes(engine)
    log: list[str] = []

    def add_column(connection: Connection) -> None:
        connection.execute(text("ALTER TABLE metrics ADD note VARCHAR(20)"))

    migrations = (*MIGRATIONS, add_column)
    migrate(engine, migrations, log=log.append)
    assert before == indexes(engine)
    assert len(migrations) == schema_version(engine)
    dialect = engine.dialect.name
    affected = [each for each in OPTIONAL_MIGRATIONS.values() if dialect in each.dialects]
    until = ": run `python -m db setup`"
    assert [each.drawback + until for each in affected] == log

    log.clear()
    migrate(engine, migrations, log.append, engine)
    assert EXPECTED[engine.dialect.name] == indexes(engine)
    assert len(affected) == len([line for line in log if "may take an hour" in line])


@pytest.mark.parametrize(("rows", "expected"), [(2, True), (3, False), (4, False)])
def test_a_migration_is_slow_on_more_rows_than_the_limit(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, rows: int, *, expected: bool
) -> None:
    monkeypatch.setattr("db.database.index_migrations.MAX_ROWS_AT_STARTUP", rows)
    create_previous_version(engine, 3)

    changes = engine.dialect.name == "postgresql"
    assert (expected and changes) is is_slow(create_dashboard_index, engine)
    assert not is_slow(cluster_by_time, engine)


def test_an_index_that_cannot_be_created_is_logged_and_retried(engine: Engine) -> None:
    if engine.dialect.name != "postgresql":
        pytest.skip("SQLite gets no index")
    create_previous_version(engine)
    log: list[str] = []
    with engine.begin() as connection:  # names of indexes are the whole schema's
        connection.execute(
            text(f"CREATE TABLE others (n int); CREATE INDEX {DASHBOARD_INDEX} ON others (n)")
        )

    migrate(engine, log=log.append)
    assert len(MIGRATIONS) - 1 == schema_version(engine)
    assert 1 == len(log)
    assert log[0].startswith(
        f'dashboards are slow without their index: relation "{DASHBOARD_INDEX}"'
    )

    with engine.begin() as connection:
        connection.execute(text("DROP TABLE others"))
    migrate(engine, log=log.append)
    assert EXPECTED["postgresql"] == indexes(engine)
    assert 1 == len(log)


class Catalogue:
    """The catalogue of a stand-in for SQL Server; ``changes`` are the statements that change it."""

    def __init__(self, layout: Layout) -> None:
        self.changes: list[str] = []
        self._label, self._key, self._indexes = layout

    def answer(self, query: Query) -> Answer:
        """Answer a query, or record a change."""
        known = sqlalchemy_queries.answer(query)
        if known is not None:
            return known
        if query.sql == LABEL_TYPE:
            return Rows(["type"], [[self._label]])
        if query.sql == PRIMARY_KEY:
            return Rows(["name", "column_name"], self._key)
        if query.sql == INDEXES:
            return Rows(["name", "type", "is_unique"], self._indexes)
        if query.sql.startswith(("ALTER TABLE", "CREATE", "DROP")):
            self.changes.append(query.sql)
            return Done()
        return Rows(["number"], [[1]])


@pytest.fixture(name="catalogue")
def fixture_catalogue(request: pytest.FixtureRequest) -> Catalogue:
    """Return a catalogue with one table."""
    return Catalogue(request.param)


@pytest.fixture(name="sql_server")
def fixture_sql_server(catalogue: Catalogue, tls: ssl.SSLContext) -> Iterator[Engine]:
    """Connect to a stand-in for SQL Server with the table."""
    with TDSServer(tls, catalogue.answer) as server:
        engine = make_engine(stand_in_settings("Microsoft", server.address[1]))
        yield engine
        engine.dispose()


@pytest.mark.parametrize(
    ("catalogue", "expected"), EARLIER.values(), ids=EARLIER, indirect=["catalogue"]
)
def test_sql_server_changes_only_what_differs(
    sql_server: Engine, catalogue: Catalogue, expected: list[str]
) -> None:
    with sql_server.connect() as connection:
        for migration in OPTIONAL_MIGRATIONS:
            migration(connection)

    assert expected == [" ".join(change.split()) for change in catalogue.changes]
    for change in expected:
        sqlglot.parse_one(change, dialect="tsql")
