"""A slow network or a row that always times out does not stop the other rows."""

from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.exc import SQLAlchemyError

from db.admin.status import dead_letters, spool_depth
from db.database.engine import make_engine
from db.database.migrations import migrate
from db.prediction import Prediction
from db.settings import DatabaseSettings
from db.spool.spool import MAX_BATCH_BYTES, Spool
from db.writing.metrics import prediction_log_metrics
from db.writing.writer import Writer
from tests.support.postgres import PostgreSQL, running_or_skipped
from tests.support.predictions import prediction
from tests.support.proxy import Proxy
from tests.support.server import eventually
from tests.support.stored import logging_to

TEN_MBIT_BYTES_PER_S = 1_250_000
TIMEOUT_S = 0.5
LARGE_ROWS = 100  # of 20 kB: 2 MB take 1.6 s
SAME_ID = """
INSERT INTO metrics (id, timestamp, latency_ms, label, confidence, model_tag, batch_size)
VALUES (%s, now(), 1, '', 1, '', 1)
"""
DRAINED_WITHIN_S = 90  # takes 8 s on a quiet machine


@pytest.fixture(name="database", scope="module")
def fixture_database() -> Iterator[PostgreSQL]:
    """Start a PostgreSQL server."""
    with running_or_skipped() as database:
        yield database


def settings_for(database: PostgreSQL, folder: Path, port: int | None = None) -> DatabaseSettings:
    """Name the database, with a short timeout."""
    url = database.environment(port)["DATABASE_URL"]
    return DatabaseSettings(database_url=url, spool_dir=folder, database_timeout_s=TIMEOUT_S)


def has(database: PostgreSQL, rows: list[Prediction]) -> bool:
    """Return whether the database has these rows, each once."""
    ids = [id_ for id_, _ in database.rows()]
    assert len(ids) == len(set(ids))
    return {str(row.id) for row in rows} <= set(ids)


@pytest.mark.slow
def test_a_row_that_always_times_out_is_kept_and_retried_after_the_others(
    database: PostgreSQL, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = settings_for(database, tmp_path)
    first, stuck, *young = (prediction() for _ in range(8))
    with logging_to(settings) as log:
        log.record([first])
        eventually(lambda: has(database, [first]), DRAINED_WITHIN_S)

        with psycopg.connect(database.url) as other:  # its transaction has inserted the same id
            other.execute(SAME_ID, [stuck.id])
            log.record([stuck, *young])
            eventually(lambda: has(database, young), DRAINED_WITHIN_S)
            eventually(lambda: "although others are written" in caplog.text, DRAINED_WITHIN_S)
            late = prediction()
            log.record([late])
            eventually(lambda: has(database, [late]), DRAINED_WITHIN_S)
            assert (1, 0) == (spool_depth(tmp_path).pending, spool_depth(tmp_path).dead_letters)
            other.rollback()

        eventually(lambda: has(database, [stuck]), DRAINED_WITHIN_S)

    assert 0 == spool_depth(tmp_path).pending


@pytest.mark.slow
def test_a_slow_row_does_not_make_the_batches_of_others_smaller(
    database: PostgreSQL, tmp_path: Path
) -> None:
    settings = settings_for(database, tmp_path / "spool")
    engine = make_engine(settings)
    migrate(engine)
    stuck = prediction()
    batches: list[bool] = []

    def count(is_full: bool) -> bool:
        batches.append(is_full)
        return True

    with (
        closing(Spool(settings.spool_dir, 10_000, 10**8)) as spool,
        psycopg.connect(database.url) as other,  # its transaction has inserted the same id
    ):
        writer = Writer(
            engine, spool, prediction_log_metrics(), timeout_s=60
        )  # so that all else is quick
        other.execute(SAME_ID, [stuck.id])
        spool.append([stuck.to_json()])
        for _ in range(2):  # after the second failure it is deferred
            fail(writer)
        spool.append([prediction().to_json() for _ in range(300)])
        fail(writer)  # only the stuck row is left, which has failed again
        assert 1 == spool.depth().pending
        assert 1 == writer.failure_log.count  # the count restarted when rows were written

        spool.append([prediction().to_json() for _ in range(60)])
        batches.clear()
        with suppress(SQLAlchemyError):
            writer.flush(count)
        assert spool.depth().pending <= 1
        other.rollback()
    engine.dispose()

    assert len(batches) < 10  # not 60 batches of one row


def fail(writer: Writer) -> None:
    """Flush once, which fails."""
    with pytest.raises(SQLAlchemyError) as caught:
        writer.flush(lambda _: True)
    writer.handle_failure(caught.value)


@pytest.mark.slow
def test_large_rows_are_written_at_10_mbit_per_s_in_smaller_batches(
    database: PostgreSQL, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    large = [prediction("\U0001f600" * 5000) for _ in range(LARGE_ROWS)]
    with closing(Spool(tmp_path, 1000, 100_000_000)) as spool:
        spool.append([row.to_json() for row in large])

    with Proxy(database.address) as proxy:
        proxy.limit(TEN_MBIT_BYTES_PER_S)
        young = [prediction() for _ in range(20)]
        with logging_to(settings_for(database, tmp_path, proxy.port)) as log:
            log.record(young)
            eventually(lambda: has(database, large + young), DRAINED_WITHIN_S)

    assert "predictions stay in the spool" in caplog.text  # 2 MB at once exceed the timeout
    assert [] == dead_letters(tmp_path)


def test_a_batch_is_limited_by_its_bytes_on_the_wire(tmp_path: Path) -> None:
    body = prediction("\U0001f600" * 5000).to_json()
    with closing(Spool(tmp_path, 1000, 100_000_000)) as spool:
        spool.append([body] * 500)

        rows = spool.peek(1000)

    sent = f"[{','.join(row.body for row in rows)}]".encode("utf-16-le")
    assert MAX_BATCH_BYTES - 30_000 < len(sent) < MAX_BATCH_BYTES + 30_000
