"""The rights of each login after the setup, and the properties of the database."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import Connection, inspect
from sqlalchemy.exc import DBAPIError

from db.admin.setup import set_up
from db.database.engine import make_engine
from db.database.migrations import migrate
from db.settings import SetupSettings
from db.writing.errors import ErrorKind, classify
from tests.support.predictions import prediction
from tests.support.sql_server import SQLServerDatabase

READ_COMMITTED = 2
INSERT = "INSERT INTO metrics SELECT * FROM metrics WHERE 1 = 0"
SELECT = "SELECT count(*) FROM metrics"
DELETE = "DELETE FROM metrics"
CREATE = "CREATE TABLE another (a int)"
VERSION = "SELECT count(*) FROM schema_version"
INSERT_RUN = "INSERT INTO training_runs SELECT * FROM training_runs WHERE 1 = 0"
SELECT_RUNS = "SELECT count(*) FROM training_runs"


@contextmanager
def connected(settings: SetupSettings, **changes: Any) -> Iterator[Connection]:
    """Connect as the service, with changed settings."""
    engine = make_engine(settings.model_copy(update=changes))
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def as_reader(settings: SetupSettings) -> dict[str, Any]:
    """Return the changes of the settings for Grafana's login."""
    return {
        "sql_user": settings.grafana_reader_user,
        "sql_password": settings.grafana_reader_password,
    }


@pytest.mark.parametrize("statement", [INSERT, SELECT, VERSION, INSERT_RUN, SELECT_RUNS])
def test_the_service_may_insert_and_select(database: SQLServerDatabase, statement: str) -> None:
    with connected(database.settings()) as connection:
        connection.exec_driver_sql(statement)


@pytest.mark.parametrize("statement", [DELETE, CREATE, "DROP TABLE metrics"])
def test_the_service_may_do_no_more(database: SQLServerDatabase, statement: str) -> None:
    with connected(database.settings()) as connection, pytest.raises(DBAPIError) as caught:
        connection.exec_driver_sql(statement)

    assert ErrorKind.DATA is not classify(caught.value)


@pytest.mark.parametrize("statement", [SELECT, SELECT_RUNS])
def test_grafana_may_select(database: SQLServerDatabase, statement: str) -> None:
    settings = database.settings()

    with connected(settings, **as_reader(settings)) as connection:
        assert 0 == connection.exec_driver_sql(statement).scalar()


@pytest.mark.parametrize("statement", [INSERT, INSERT_RUN, DELETE, CREATE])
def test_grafana_may_do_no_more(database: SQLServerDatabase, statement: str) -> None:
    settings = database.settings()

    with connected(settings, **as_reader(settings)) as connection, pytest.raises(DBAPIError):
        connection.exec_driver_sql(statement)


def test_a_second_setup_creates_nothing_and_logs_no_secret(
    database: SQLServerDatabase,
) -> None:
    settings = database.settings()
    log: list[str] = []

    set_up(settings, log.append)

    assert "the tables are ready" in log
    assert not [line for line in log if line.startswith("created")]
    for secret in (settings.sql_password, settings.sa_password, settings.grafana_reader_password):
        assert secret is not None
        assert not [line for line in log if secret.get_secret_value() in line]


def test_a_wrong_password_is_a_permanent_error(database: SQLServerDatabase) -> None:
    wrong = {"sql_password": SecretStr("Wrong-password-1")}

    with pytest.raises(DBAPIError) as caught, connected(database.settings(), **wrong):
        pass

    assert ErrorKind.PERMANENT is classify(caught.value)
    assert "Wrong-password-1" not in str(caught.value)


def test_a_server_that_is_down_is_a_transient_error(database: SQLServerDatabase) -> None:
    away = {"sql_server": "127.0.0.1", "sql_port": 9, "database_timeout_s": 1.0}

    with pytest.raises(DBAPIError) as caught, connected(database.settings(), **away):
        pass

    assert ErrorKind.TRANSIENT is classify(caught.value)


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("SELECT * FROM no_such_table", ErrorKind.PERMANENT),
        (
            "INSERT INTO metrics (id, latency_ms, label, confidence, model_tag, batch_size)"
            " VALUES (NULL, 0, '', 0, '', 0)",
            ErrorKind.DATA,
        ),
    ],
)
def test_errors_of_statements_are_classified(
    database: SQLServerDatabase, statement: str, kind: ErrorKind
) -> None:
    with connected(database.settings()) as connection, pytest.raises(DBAPIError) as caught:
        connection.exec_driver_sql(statement)

    assert kind is classify(caught.value)


def test_columns_have_the_types_of_the_contract(database: SQLServerDatabase) -> None:
    with connected(database.settings()) as connection:
        types = {
            column["name"]: str(column["type"]).partition(" COLLATE")[0].upper()
            for column in inspect(connection).get_columns("metrics")
        }
        # SQLAlchemy does not read their digits behind the second
        times = connection.exec_driver_sql(
            "SELECT name, scale FROM sys.columns"
            " WHERE object_id = OBJECT_ID('metrics') AND TYPE_NAME(user_type_id) = 'datetime2'"
        ).all()

    assert {("timestamp", 3), ("recorded_at", 3)} == {tuple(row) for row in times}
    assert {
        "id": "UNIQUEIDENTIFIER",
        "label": "NVARCHAR(64)",
        "model_tag": "VARCHAR(128)",
        "batch_size": "INTEGER",
        "truncated": "BIT",
    }.items() <= types.items()
    assert types["text"].startswith("NVARCHAR")
    assert {"FLOAT"} == {types[name].partition("(")[0] for name in ("confidence", "latency_ms")}


def test_rows_are_clustered_by_time(microsoft_database: SQLServerDatabase) -> None:
    with connected(microsoft_database.settings()) as connection:
        indexes = {index["name"]: index for index in inspect(connection).get_indexes("metrics")}

    index = indexes["ix_metrics_timestamp"]
    assert ["timestamp", "id"] == index["column_names"]
    assert index["dialect_options"]["mssql_clustered"]


def test_row_versioning_is_on(microsoft_database: SQLServerDatabase) -> None:
    settings = microsoft_database.settings()
    is_on = "SELECT is_read_committed_snapshot_on FROM sys.databases WHERE name = ?"

    with connected(settings) as connection:
        assert connection.exec_driver_sql(is_on, (settings.sql_db,)).scalar()


def test_after_a_migration_the_isolation_level_is_read_committed(
    database: SQLServerDatabase,
) -> None:
    settings = database.settings()
    engine = make_engine(settings)
    migrate(engine)

    with engine.connect() as connection:
        level = connection.exec_driver_sql(
            "SELECT transaction_isolation_level FROM sys.dm_exec_sessions WHERE session_id = @@SPID"
        ).scalar()
    engine.dispose()

    assert READ_COMMITTED == level


def test_milliseconds_and_emoji_are_stored_unchanged(
    database: SQLServerDatabase,
) -> None:
    made = prediction("\U0001f600")
    with connected(database.settings()) as connection:
        connection.exec_driver_sql(
            "INSERT INTO metrics (id, [timestamp], [text], latency_ms, label, confidence,"
            " model_tag, batch_size) VALUES (?, ?, ?, 1, 'neutral', 0.5, 'm', 1)",
            (str(made.id), made.timestamp, made.text),
        )
        row = connection.exec_driver_sql("SELECT [timestamp], [text] FROM metrics").one()

    assert (made.timestamp, made.text) == tuple(row)
