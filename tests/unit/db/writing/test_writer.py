"""The writer continues after every failure, and logs each kind of failure once."""

import logging
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import psycopg
import pytest
from prometheus_client import REGISTRY
from pydantic import SecretStr
from sqlalchemy import Engine, inspect, make_url
from sqlalchemy.exc import OperationalError

from db.admin.status import dead_letters, requeue_dead_letters, spool_depth
from db.database.engine import make_engine
from db.database.migrations import MIGRATIONS, migrate
from db.settings import DatabaseSettings
from db.spool.spool import Spool
from db.writing.failure_log import FailureLog
from db.writing.metrics import prediction_log_metrics
from db.writing.writer import Writer
from tests.support.foreign_tables import FOREIGN
from tests.support.postgres import PostgreSQL
from tests.support.predictions import prediction
from tests.support.server import eventually
from tests.support.stored import STORED_WITHIN_S, awaited, logging_to, stored

REFUSE = """
CREATE TRIGGER refuse BEFORE INSERT ON metrics WHEN NEW.text = 'bad'
BEGIN SELECT RAISE(ABORT, 'no bad words'); END
"""
NUMBERS = count()


@dataclass(frozen=True)
class Login:
    """A login of PostgreSQL without any right, and the owner of its database."""

    name: str
    settings: DatabaseSettings
    owner: Engine

    def grant(self, *rights: str) -> None:
        """Give it rights."""
        with self.owner.begin() as connection:
            for right in rights:
                connection.exec_driver_sql(f"GRANT {right} TO {self.name}")


@pytest.fixture(name="login")
def fixture_login(postgresql: PostgreSQL, tmp_path: Path) -> Iterator[Login]:
    """Create a login, and an empty database with another owner."""
    name = f"service_{next(NUMBERS)}"
    with psycopg.connect(postgresql.url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {name} LOGIN".encode())
        connection.execute(f"CREATE DATABASE {name}".encode())
    owners = make_url(postgresql.environment()["DATABASE_URL"]).set(database=name)
    owner = make_engine(DatabaseSettings(database_url=str(owners)))
    url = str(owners.set(username=name))
    yield Login(name, DatabaseSettings(database_url=url, spool_dir=tmp_path), owner)
    owner.dispose()


def file_of(settings: DatabaseSettings) -> Path:
    """Return the SQLite file of the settings."""
    return Path(settings.url().database or "")


def execute(path: Path, statement: str) -> None:
    """Change a SQLite file without the service."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)


def messages(caplog: pytest.LogCaptureFixture, level: int) -> list[str]:
    """Return what was logged at a level."""
    return [record.message for record in caplog.records if record.levelno == level]


def test_rows_wait_in_the_spool_while_the_database_is_down(
    sqlite: DatabaseSettings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    path = file_of(sqlite)
    path.mkdir(parents=True)  # a folder in place of the file

    with logging_to(sqlite) as log:
        for _ in range(20):
            log.record([prediction()])
        eventually(lambda: messages(caplog, logging.WARNING), STORED_WITHIN_S)
        assert 20 == spool_depth(sqlite.spool_dir).pending
        path.rmdir()
        awaited(sqlite, 20)
        eventually(lambda: "accepts predictions again" in caplog.text, STORED_WITHIN_S)

    (warning,) = messages(caplog, logging.WARNING)
    assert "the database is down, predictions stay in the spool: unable to open" in warning


def test_the_next_service_writes_the_rows_left_in_the_spool(sqlite: DatabaseSettings) -> None:
    path = file_of(sqlite)
    path.mkdir(parents=True)
    with logging_to(sqlite) as log:
        log.record([prediction()])
    path.rmdir()

    with logging_to(sqlite):
        assert 1 == len(awaited(sqlite, 1))


@pytest.mark.parametrize("deleted", ["table", "file"])
def test_a_deleted_table_or_file_is_created_again(sqlite: DatabaseSettings, deleted: str) -> None:
    with logging_to(sqlite) as log:
        log.record([prediction()])
        awaited(sqlite, 1)
        if deleted == "table":
            execute(file_of(sqlite), "DROP TABLE metrics")
        else:
            for file in file_of(sqlite).parent.iterdir():
                file.unlink()

        log.record([prediction()])
        awaited(sqlite, 1)


def test_dead_letters_are_kept_across_restarts_and_written_after_requeuing(
    sqlite: DatabaseSettings,
) -> None:
    with logging_to(sqlite) as log:
        log.record([prediction("good")])
        awaited(sqlite, 1)
        execute(file_of(sqlite), REFUSE)
        log.record([prediction("good"), prediction("bad"), prediction("good")])

    with logging_to(sqlite):
        awaited(sqlite, 3)
        (kept,) = eventually(lambda: dead_letters(sqlite.spool_dir), STORED_WITHIN_S)
        assert "no bad words" in str(kept.refused)

        execute(file_of(sqlite), "DROP TRIGGER refuse")
        assert 1 == requeue_dead_letters(sqlite.spool_dir)
        assert 1 == [row.text for row in awaited(sqlite, 4)].count("bad")

    assert not list(sqlite.spool_dir.iterdir())


def test_missing_rights_are_logged_once_with_the_remedy(
    login: Login, caplog: pytest.LogCaptureFixture
) -> None:
    with logging_to(login.settings) as log:
        log.record([prediction() for _ in range(5)])
        eventually(lambda: len(messages(caplog, logging.ERROR)) == 2, STORED_WITHIN_S)
        log.record([prediction() for _ in range(5)])
        migrate(login.owner)
        login.grant("SELECT, INSERT ON metrics", "SELECT ON schema_version")
        awaited(login.settings, 10)

    creating, inserting = messages(caplog, logging.ERROR)
    assert "`python -m db setup`" in creating
    assert "`python -m db setup`" in inserting
    assert creating != inserting


def test_a_missing_right_is_logged_once_for_all_retries(
    login: Login, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    migrate(login.owner)
    login.grant("SELECT ON metrics, schema_version")
    retried = prediction_log_metrics().retried._value  # pylint: disable=protected-access

    with logging_to(login.settings) as log:
        before = retried.get()
        log.record([prediction()])
        eventually(lambda: retried.get() >= before + 3, STORED_WITHIN_S)
        assert 1 == len(messages(caplog, logging.ERROR))
        login.grant("INSERT ON metrics")
        awaited(login.settings, 1)

    assert 1 == messages(caplog, logging.INFO).count("the database accepts predictions again")


def test_a_login_with_the_rights_to_insert_and_select_only_can_write(login: Login) -> None:
    migrate(login.owner)
    login.grant("SELECT, INSERT ON metrics")  # not on schema_version

    with logging_to(login.settings) as log:
        log.record([prediction()])
        awaited(login.settings, 1)


def test_rows_wait_for_a_column_that_the_login_may_not_add(
    login: Login, caplog: pytest.LogCaptureFixture
) -> None:
    migrate(login.owner, MIGRATIONS[:3])  # the tables of an earlier version
    with login.owner.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE metrics DROP COLUMN truncated")
    login.grant("SELECT, INSERT ON metrics", "SELECT ON schema_version")
    made = [prediction(truncated=cut) for cut in (False, True)]

    with logging_to(login.settings) as log:
        log.record(made)
        eventually(lambda: len(messages(caplog, logging.ERROR)) == 2, STORED_WITHIN_S)
        assert 2 == spool_depth(login.settings.spool_dir).pending
        migrate(login.owner)
        written = awaited(login.settings, 2)

    assert {row.id: row for row in made} == {row.id: row for row in written}
    assert [] == dead_letters(login.settings.spool_dir)
    assert all("`python -m db setup`" in message for message in messages(caplog, logging.ERROR))
    assert 'column "truncated"' in messages(caplog, logging.ERROR)[1]


@pytest.mark.parametrize("name", ["a single version", "other metrics"])
def test_rows_wait_while_a_table_belongs_to_another_program(
    login: Login, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    login.grant("CREATE ON SCHEMA public")
    foreign = FOREIGN[name]
    foreign.table.create(login.owner)
    retried = prediction_log_metrics().retried._value  # pylint: disable=protected-access

    with logging_to(login.settings) as log:
        before = retried.get()
        log.record([prediction() for _ in range(3)])
        eventually(lambda: retried.get() >= before + 6, STORED_WITHIN_S)
        assert 3 == spool_depth(login.settings.spool_dir).pending
        assert [foreign.table.name] == inspect(login.owner).get_table_names()
        foreign.table.drop(login.owner)
        awaited(login.settings, 3)

    (message,) = messages(caplog, logging.ERROR)
    assert foreign.difference in message
    assert "db setup" not in message  # it cannot help


def test_the_gauges_are_set_at_each_attempt(sqlite: DatabaseSettings) -> None:
    used = "sentiment_spool_used_ratio"
    attempted = "sentiment_writer_last_attempt_timestamp_seconds"
    down = sqlite.model_copy(
        update={"database_url": SecretStr(f"sqlite:///{sqlite.spool_dir}"), "spool_max_rows": 4}
    )

    with logging_to(down) as log:
        log.record([prediction()])
        start_s = time.time()

        eventually(lambda: REGISTRY.get_sample_value(used) == 1 / 4, STORED_WITHIN_S)
        eventually(lambda: (REGISTRY.get_sample_value(attempted) or 0) > start_s, STORED_WITHIN_S)


def test_the_gauge_of_pending_rows_is_set_after_each_batch(
    sqlite: DatabaseSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("db.writing.batches.MAX_BATCH_ROWS", 2)
    engine = make_engine(sqlite)
    pending: list[float | None] = []

    def should_continue(_was_full: bool) -> bool:
        pending.append(REGISTRY.get_sample_value("sentiment_spool_rows"))
        return True

    with closing(Spool(sqlite.spool_dir, 100, 1_000_000)) as spool:
        spool.append([prediction().to_json() for _ in range(6)])
        Writer(engine, spool, prediction_log_metrics(), 30).flush(should_continue)

    engine.dispose()
    assert [4, 2, 0] == pending


def test_a_corrupt_spool_file_is_replaced_while_rows_are_recorded(
    sqlite: DatabaseSettings,
) -> None:
    with logging_to(sqlite) as log:
        (own,) = sqlite.spool_dir.glob("*.spool")
        for path in (own, *sqlite.spool_dir.glob("*-wal")):
            path.write_bytes(b"\xa5" * path.stat().st_size)

        made = [prediction() for _ in range(10)]
        log.record(made)

        assert {row.id for row in made} <= {row.id for row in awaited(sqlite, 10)}


def test_the_tables_are_created_before_the_first_row(sqlite: DatabaseSettings) -> None:
    with logging_to(sqlite):
        eventually(file_of(sqlite).exists, STORED_WITHIN_S)

    assert [] == stored(sqlite)


def test_the_count_of_failures_restarts_after_some_rows_and_the_recovery_is_logged_after_all(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    failure_log = FailureLog()
    for _ in range(3):
        failure_log.record(OperationalError("", None, sqlite3.OperationalError("busy")))

    failure_log.reset_count()

    assert 0 == failure_log.count
    assert "again" not in caplog.text  # the remaining rows may still fail
    failure_log.record_recovery()
    assert "the database accepts predictions again" in caplog.text
