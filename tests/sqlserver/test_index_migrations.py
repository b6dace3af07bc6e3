"""The indexes of SQL Server, also of databases migrated from earlier versions."""

from dataclasses import replace

import pytest
from sqlalchemy import Engine, UnicodeText, bindparam, inspect, text

from db.database.index_migrations import DASHBOARD_COLUMNS, DASHBOARD_INDEX, TIMESTAMP_INDEX
from db.database.migrations import MIGRATIONS, migrate, schema_version
from db.database.schema import METADATA
from db.settings import DatabaseSettings
from db.writing.insertion import insert_if_absent
from tests.support.predictions import prediction
from tests.support.stored import stored

COLUMNS = (
    "[timestamp] datetime2(3) NOT NULL, [text] nvarchar(max), latency_ms float NOT NULL,"
    " label varchar(64) NOT NULL, confidence float NOT NULL, model_tag varchar(128) NOT NULL,"
    " batch_size int NOT NULL"
)
EARLIER = {
    "the first version": [
        f"CREATE TABLE metrics (id uniqueidentifier NOT NULL PRIMARY KEY, {COLUMNS})",
        "CREATE INDEX ix_metrics_timestamp ON metrics ([timestamp])",
    ],
    "the previous version": [
        f"CREATE TABLE metrics (id uniqueidentifier NOT NULL, {COLUMNS}, truncated bit,"
        " recorded_at datetime2(3), CONSTRAINT pk_metrics PRIMARY KEY NONCLUSTERED (id),"
        " CONSTRAINT ck_metrics_text CHECK (DATALENGTH([text]) <= 20000))",
        "CREATE CLUSTERED INDEX ix_metrics_timestamp ON metrics ([timestamp], id)",
    ],
}
INSERT_BEFORE = (
    "INSERT INTO metrics (id, [timestamp], [text], latency_ms, label, confidence, model_tag,"
    " batch_size)"
    " SELECT id, [timestamp], [text], latency_ms, label, confidence, model_tag, batch_size"
    " FROM OPENJSON(CAST(:rows AS nvarchar(max))) WITH (id uniqueidentifier,"
    " [timestamp] datetime2(3), [text] nvarchar(max), latency_ms float, label varchar(max),"
    " confidence float, model_tag varchar(max), batch_size int) AS given"
    " WHERE NOT EXISTS (SELECT 1 FROM metrics AS stored WHERE stored.id = given.id)"
)
LABELS = ("позитивный", "陽性", "\U0001f600" * 32)


def label_type(engine: Engine) -> str:
    """Return the type of the labels."""
    types = {
        column["name"]: str(column["type"]) for column in inspect(engine).get_columns("metrics")
    }
    return types["label"].partition(" COLLATE")[0].upper()


def is_microsoft_server(engine: Engine) -> bool:
    """Return whether this is Microsoft's server, not another one with its protocol."""
    with engine.connect() as connection:
        version = str(connection.exec_driver_sql("SELECT @@VERSION").scalar())
    return version.startswith("Microsoft SQL Server")


def check_indexes(engine: Engine) -> None:
    """Assert the uniqueness, columns and included columns of the indexes."""
    inspector = inspect(engine)
    found = {str(index["name"]): index for index in inspector.get_indexes("metrics")}
    assert {TIMESTAMP_INDEX, DASHBOARD_INDEX} == set(found)
    assert ["timestamp", "id"] == found[TIMESTAMP_INDEX]["column_names"]
    assert found[TIMESTAMP_INDEX]["unique"]
    assert found[TIMESTAMP_INDEX]["dialect_options"]["mssql_clustered"]
    assert set(DASHBOARD_COLUMNS) == set(found[DASHBOARD_INDEX]["dialect_options"]["mssql_include"])
    assert not inspector.get_pk_constraint("metrics")["constrained_columns"]


def test_a_new_table_is_clustered_by_time_only(engine: Engine) -> None:
    if not is_microsoft_server(engine):
        pytest.skip("not Microsoft's server")
    check_indexes(engine)


@pytest.mark.parametrize("statements", EARLIER.values(), ids=EARLIER)
def test_a_table_of_an_earlier_version_is_migrated_and_keeps_its_rows(
    engine: Engine, statements: list[str]
) -> None:
    METADATA.drop_all(engine)
    made = [prediction() for _ in range(3)]
    before = text(INSERT_BEFORE).bindparams(bindparam("rows", type_=UnicodeText()))
    with engine.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
        for row in made[:2]:
            connection.execute(before, {"rows": f"[{row.to_json()}]"})
    log: list[str] = []

    migrate(engine, log=log.append)

    if is_microsoft_server(engine):
        assert not log
        assert len(MIGRATIONS) == schema_version(engine)
        assert "NVARCHAR(64)" == label_type(engine)
        check_indexes(engine)
    with engine.connect() as connection:  # a service of an earlier version
        for row in made:
            connection.execute(before, {"rows": f"[{row.to_json()}]"})
        insert_if_absent(connection, [row.to_json() for row in made])
        rows = connection.exec_driver_sql("SELECT id FROM metrics").all()
    assert sorted(str(row.id) for row in made) == sorted(str(row.id).lower() for row in rows)


def test_labels_are_stored_unchanged_whatever_the_code_page(
    engine: Engine, settings: DatabaseSettings
) -> None:
    made = [replace(prediction(), label=label) for label in LABELS]

    with engine.connect() as connection:
        insert_if_absent(connection, [row.to_json() for row in made])

    assert set(LABELS) == {row.label for row in stored(settings)}
