"""The writer goes on after every failure, and says what there is to say once."""

import logging
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
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
from db.prediction_logger import PredictionLogger
from db.settings import DatabaseSettings
from db.spool.spool import Spool
from db.writing.failure_log import FailureLog
from db.writing.metrics import prediction_log_metrics
from db.writing.writer import Writer
from tests.support.foreign_tables import FOREIGN
from tests.support.postgres import PostgreSQL
from tests.support.predictions import prediction
from tests.support.server import eventually
from tests.support.stored import STORED_WITHIN_S, awaited, stored

REFUSE = """
CREATE TRIGGER refuse BEFORE INSERT ON metrics WHEN NEW.text = 'bad'
BEGIN SELECT RAISE(ABORT, 'no bad words'); END
"""
NUMBERS = count()


@dataclass(frozen=True)
class Login:
    """A login of PostgreSQL that may nothing yet, and the owner of its database."""

    name: str
    settings: DatabaseSettings
    owner: Engine

    def grant(self, rights: str) -> None:
        """Let it do more."""
        with self.owner.begin() as connection:
            connection.exec_driver_sql(f"GRANT {rights} TO {self.name}")


@pytest.fixture(name="login")
def fixture_login(postgresql: PostgreSQL, tmp_path: Path) -> Iterator[Login]:
    """Make a login, and an empty database that is another's."""
    name = f"service_{next(NUMBERS)}"
    with psycopg.connect(postgresql.url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {name} LOGIN".encode())
        connection.execute(f"CREATE DATABASE {name}".encode())
    owners = make_url(postgresql.environment()["DATABASE_URL"]).set(database=name)
    owner = make_engine(DatabaseSettings(database_url=str(owners)))
    url = str(owners.set(username=name))
    yield Login(name, DatabaseSettings(database_url=url, spool_dir=tmp_path), owner)
    owner.dispose()


@contextmanager
def recording(settings: DatabaseSettings) -> Iterator[PredictionLogger]:
    """Open a recorder, and close it at the end."""
    recorder = PredictionLogger(settings)
    recorder.open()
    try:
        yield recorder
    finally:
        recorder.close()


def file_of(settings: DatabaseSettings) -> Path:
    """Return the SQLite file that the settings name."""
    return Path(settings.url().database or "")


def execute(path: Path, statement: str) -> None:
    """Change a SQLite file behind the service's back."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)


def messages(caplog: pytest.LogCaptureFixture, level: int) -> list[str]:
    """Return what was logged at a level."""
    return [record.message for record in caplog.records if record.levelno == level]


def test_rows_wait_for_a_database_that_is_away(
    sqlite: DatabaseSettings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    path = file_of(sqlite)
    path.mkdir(parents=True)  # a folder where the file should be

    with recording(sqlite) as recorder:
        for _ in range(20):
            recorder.record([prediction()])
        eventually(lambda: messages(caplog, logging.WARNING), STORED_WITHIN_S)
        assert 20 == spool_depth(sqlite.spool_dir).pending
        path.rmdir()
        awaited(sqlite, 20)
        eventually(lambda: "accepts predictions again" in caplog.text, STORED_WITHIN_S)

    (warning,) = messages(caplog, logging.WARNING)
    assert "the database is down, predictions stay in the spool: unable to open" in warning


def test_rows_wait_on_the_disk_for_the_next_service(sqlite: DatabaseSettings) -> None:
    path = file_of(sqlite)
    path.mkdir(parents=True)
    with recording(sqlite) as recorder:
        recorder.record([prediction()])
    path.rmdir()

    with recording(sqlite):
        assert 1 == len(awaited(sqlite, 1))


def test_a_table_that_was_dropped_is_made_anew(sqlite: DatabaseSettings) -> None:
    with recording(sqlite) as recorder:
        recorder.record([prediction()])
        awaited(sqlite, 1)
        execute(file_of(sqlite), "DROP TABLE metrics")

        recorder.record([prediction()])
        awaited(sqlite, 1)


def test_a_file_that_was_deleted_is_made_anew(sqlite: DatabaseSettings) -> None:
    with recording(sqlite) as recorder:
        recorder.record([prediction()])
        awaited(sqlite, 1)
        for file in file_of(sqlite).parent.iterdir():
            file.unlink()

        recorder.record([prediction()])
        awaited(sqlite, 1)


def test_refused_rows_are_kept_and_written_when_they_are_replayed(
    sqlite: DatabaseSettings,
) -> None:
    with recording(sqlite) as recorder:
        recorder.record([prediction("good")])
        awaited(sqlite, 1)
        execute(file_of(sqlite), REFUSE)
        recorder.record([prediction("good"), prediction("bad"), prediction("good")])
        awaited(sqlite, 3)
        (kept,) = eventually(lambda: dead_letters(sqlite.spool_dir), STORED_WITHIN_S)
        assert "no bad words" in str(kept.refused)

        execute(file_of(sqlite), "DROP TRIGGER refuse")
        assert 1 == requeue_dead_letters(sqlite.spool_dir)
        assert 1 == [row.text for row in awaited(sqlite, 4)].count("bad")

    assert not list(sqlite.spool_dir.iterdir())


def test_a_refused_row_outlives_the_service(sqlite: DatabaseSettings) -> None:
    with recording(sqlite) as recorder:
        recorder.record([prediction()])
        awaited(sqlite, 1)
        execute(file_of(sqlite), REFUSE)
        recorder.record([prediction("bad")])

    with recording(sqlite):
        pass

    assert 1 == len(dead_letters(sqlite.spool_dir))


def test_a_login_without_rights_is_told_loudly_once_and_what_to_do(
    login: Login, caplog: pytest.LogCaptureFixture
) -> None:
    with recording(login.settings) as recorder:
        recorder.record([prediction() for _ in range(5)])
        eventually(lambda: len(messages(caplog, logging.ERROR)) == 2, STORED_WITHIN_S)
        recorder.record([prediction() for _ in range(5)])
        migrate(login.owner)
        login.grant("SELECT, INSERT ON metrics")
        login.grant("SELECT ON schema_version")
        awaited(login.settings, 10)

    creating, inserting = messages(caplog, logging.ERROR)
    assert "`python -m db setup`" in creating
    assert "`python -m db setup`" in inserting
    assert creating != inserting


def test_a_login_that_may_not_insert_is_told_once_however_often_it_tries(
    login: Login, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    migrate(login.owner)
    login.grant("SELECT ON metrics, schema_version")
    retried = prediction_log_metrics().retried._value  # pylint: disable=protected-access

    with recording(login.settings) as recorder:
        before = retried.get()
        recorder.record([prediction()])
        eventually(lambda: retried.get() >= before + 4, STORED_WITHIN_S)
        assert 1 == len(messages(caplog, logging.ERROR))
        login.grant("INSERT ON metrics")
        awaited(login.settings, 1)

    assert 1 == messages(caplog, logging.INFO).count("the database accepts predictions again")


def test_the_gauges_are_set_with_each_attempt(sqlite: DatabaseSettings) -> None:
    used = "sentiment_spool_used_ratio"
    attempted = "sentiment_writer_last_attempt_timestamp_seconds"
    away = sqlite.model_copy(
        update={"database_url": SecretStr(f"sqlite:///{sqlite.spool_dir}"), "spool_max_rows": 4}
    )

    with recording(away) as recorder:
        recorder.record([prediction()])
        start_s = time.time()

        eventually(lambda: REGISTRY.get_sample_value(used) == 1 / 4, STORED_WITHIN_S)
        eventually(lambda: (REGISTRY.get_sample_value(attempted) or 0) > start_s, STORED_WITHIN_S)


def test_a_backlog_is_shown_as_it_shrinks(
    sqlite: DatabaseSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("db.writing.batches.MAX_BATCH_ROWS", 2)
    spool = Spool(sqlite.spool_dir, 100, 1_000_000)
    spool.append([prediction().to_json() for _ in range(6)])
    engine = make_engine(sqlite)
    shown: list[float | None] = []

    def should_continue(_was_full: bool) -> bool:
        shown.append(REGISTRY.get_sample_value("sentiment_spool_rows"))
        return True

    Writer(engine, spool, prediction_log_metrics(), 30).flush(should_continue)

    engine.dispose()
    spool.close()
    assert [4, 2, 0] == shown


def test_a_login_that_may_only_insert_and_select_writes_though_it_cannot_migrate(
    login: Login,
) -> None:
    migrate(login.owner)
    login.grant("SELECT, INSERT ON metrics")  # not on schema_version

    with recording(login.settings) as recorder:
        recorder.record([prediction()])
        awaited(login.settings, 1)


def test_rows_wait_for_a_column_that_the_login_may_not_add(
    login: Login, caplog: pytest.LogCaptureFixture
) -> None:
    migrate(login.owner, MIGRATIONS[:3])  # as an earlier version left it
    with login.owner.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE metrics DROP COLUMN truncated")
    login.grant("SELECT, INSERT ON metrics")
    login.grant("SELECT ON schema_version")
    made = [prediction(truncated=cut) for cut in (False, True)]

    with recording(login.settings) as recorder:
        recorder.record(made)
        eventually(lambda: len(messages(caplog, logging.ERROR)) == 2, STORED_WITHIN_S)
        assert 2 == spool_depth(login.settings.spool_dir).pending
        migrate(login.owner)
        written = awaited(login.settings, 2)

    assert {row.id: row for row in made} == {row.id: row for row in written}
    assert [] == dead_letters(login.settings.spool_dir)
    assert all("`python -m db setup`" in message for message in messages(caplog, logging.ERROR))
    assert 'column "truncated"' in messages(caplog, logging.ERROR)[1]


def test_spooling_goes_on_while_the_spools_own_file_is_damaged(
    sqlite: DatabaseSettings,
) -> None:
    with recording(sqlite) as recorder:
        (own,) = sqlite.spool_dir.glob("*.spool")
        own.write_bytes(b"\xa5" * own.stat().st_size)
        for path in sqlite.spool_dir.glob("*-wal"):
            path.write_bytes(b"\xa5" * path.stat().st_size)

        made = [prediction() for _ in range(10)]
        recorder.record(made)

        assert {row.id for row in made} <= {row.id for row in awaited(sqlite, 10)}


def test_nothing_is_stored_before_anything_is_recorded(sqlite: DatabaseSettings) -> None:
    with recording(sqlite):
        eventually(file_of(sqlite).exists, STORED_WITHIN_S)  # the tables are made at the start

    assert [] == stored(sqlite)


@pytest.mark.parametrize("name", ["a single version", "other metrics"])
def test_rows_wait_until_another_programs_table_is_out_of_the_way(
    login: Login, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    login.grant("CREATE ON SCHEMA public")
    foreign = FOREIGN[name]
    foreign.table.create(login.owner)
    retried = prediction_log_metrics().retried._value  # pylint: disable=protected-access

    with recording(login.settings) as recorder:
        before = retried.get()
        recorder.record([prediction() for _ in range(3)])
        eventually(lambda: retried.get() >= before + 9, STORED_WITHIN_S)
        assert 3 == spool_depth(login.settings.spool_dir).pending
        assert [foreign.table.name] == inspect(login.owner).get_table_names()
        foreign.table.drop(login.owner)
        awaited(login.settings, 3)

    (message,) = messages(caplog, logging.ERROR)
    assert foreign.difference in message
    assert "db setup" not in message  # which cannot help


def test_the_first_failure_after_written_rows_is_retried_as_soon_as_any_first_one(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    failure_log = FailureLog()
    for _ in range(3):
        failure_log.record(OperationalError("", None, sqlite3.OperationalError("busy")))

    failure_log.reset_count()

    assert 0 == failure_log.count
    assert "again" not in caplog.text  # rows that are left may still fail
    failure_log.record_recovery()
    assert "the database accepts predictions again" in caplog.text
