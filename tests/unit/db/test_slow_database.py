"""A slow network or a row that cannot be written holds up no other rows for ever."""

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
from db.prediction_logger import PredictionLogger
from db.settings import DatabaseSettings
from db.spool.spool import MAX_BATCH_BYTES, Spool
from db.writing.metrics import prediction_log_metrics
from db.writing.writer import Writer
from tests.support.postgres import PostgreSQL, running_or_skipped
from tests.support.predictions import prediction
from tests.support.proxy import Proxy
from tests.support.server import eventually

TEN_MBIT_BYTES_PER_S = 1_250_000
TIMEOUT_S = 1
LARGE_ROWS = 150  # 20 kB each: 3 MB take 2.4 s
SAME_ID = """
INSERT INTO metrics (id, timestamp, latency_ms, label, confidence, model_tag, batch_size)
VALUES (%s, now(), 1, '', 1, '', 1)
"""
DRAINED_WITHIN_S = 90  # it takes 8; these machines are shared


@pytest.fixture(name="database")
def fixture_database() -> Iterator[PostgreSQL]:
    """Start a PostgreSQL server for one test."""
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
def test_large_rows_drain_through_10_mbit_per_s_in_parts_that_end_in_time(
    database: PostgreSQL, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    large = [prediction("\U0001f600" * 5000) for _ in range(LARGE_ROWS)]
    with closing(Spool(tmp_path, 1000, 100_000_000)) as spool:
        spool.append([row.to_json() for row in large])

    with Proxy(database.address) as proxy:
        proxy.limit(TEN_MBIT_BYTES_PER_S)
        recorder = PredictionLogger(settings_for(database, tmp_path, proxy.port))
        recorder.open()
        young = [prediction() for _ in range(20)]
        recorder.record(young)
        eventually(lambda: has(database, large + young), DRAINED_WITHIN_S)
        recorder.close()

    assert "predictions stay in the spool" in caplog.text  # 3 MB at once were too much
    assert [] == dead_letters(tmp_path)


@pytest.mark.slow
def test_a_row_that_always_times_out_is_tried_after_the_others_and_kept(
    database: PostgreSQL, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = settings_for(database, tmp_path)
    first, stuck, *young = (prediction() for _ in range(8))
    recorder = PredictionLogger(settings)
    recorder.open()
    recorder.record([first])
    eventually(lambda: has(database, [first]), DRAINED_WITHIN_S)

    with psycopg.connect(database.url) as other:  # it has not committed this very id
        other.execute(SAME_ID, [stuck.id])
        recorder.record([stuck, *young])
        eventually(lambda: has(database, young), DRAINED_WITHIN_S)
        eventually(lambda: "although others are written" in caplog.text, DRAINED_WITHIN_S)
        late = prediction()
        recorder.record([late])
        eventually(lambda: has(database, [late]), DRAINED_WITHIN_S)
        assert (1, 0) == (spool_depth(tmp_path).pending, spool_depth(tmp_path).dead_letters)
        other.rollback()

    eventually(lambda: has(database, [stuck]), DRAINED_WITHIN_S)
    recorder.close()
    assert 0 == spool_depth(tmp_path).pending


@pytest.mark.slow
def test_a_slow_row_that_fails_again_makes_no_batch_of_others_smaller(
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
        psycopg.connect(database.url) as other,  # it has not committed this very id
    ):
        writer = Writer(
            engine, spool, prediction_log_metrics(), timeout_s=60
        )  # so that all else is quick
        other.execute(SAME_ID, [stuck.id])
        spool.append([stuck.to_json()])
        for _ in range(2):  # alone, it is postponed the second time
            fail(writer)
        spool.append([prediction().to_json() for _ in range(300)])
        fail(writer)  # of all rows, only the stuck one is left now, which has failed again
        assert 1 == spool.depth().pending
        assert 1 == writer.failure_log.count  # since rows were written: the next attempt is soon

        spool.append([prediction().to_json() for _ in range(60)])
        batches.clear()
        with suppress(SQLAlchemyError):
            writer.flush(count)
        assert spool.depth().pending <= 1
        other.rollback()
    engine.dispose()

    assert len(batches) < 10  # not 60 batches of one, or those that grow from there


def fail(writer: Writer) -> None:
    """Have the writer make an attempt that fails."""
    with pytest.raises(SQLAlchemyError) as caught:
        writer.flush(lambda _: True)
    writer.handle_failure(caught.value)


def test_a_batch_is_bounded_by_what_its_rows_take_on_the_wire(tmp_path: Path) -> None:
    body = prediction("\U0001f600" * 5000).to_json()
    with closing(Spool(tmp_path, 1000, 100_000_000)) as spool:
        spool.append([body] * 500)

        rows = spool.peek(1000)

    sent = f"[{','.join(row.body for row in rows)}]".encode("utf-16-le")
    assert MAX_BATCH_BYTES - 30_000 < len(sent) < MAX_BATCH_BYTES + 30_000
