"""What is recorded stands in the database once, whole, and soon."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, replace
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from db.admin.status import dead_letters, spool_depth
from db.database.schema import MAX_TEXT_CHARACTERS, METRICS
from db.prediction import Prediction, new_id, utc_now
from db.prediction_logger import PredictionLogger
from db.settings import DatabaseSettings
from db.spool.spool import Spool
from tests.support.database_fixtures import EVERY_DATABASE
from tests.support.predictions import HARD_TEXTS, REPLACED_TEXTS, prediction
from tests.support.server import eventually
from tests.support.spools import killed_after_spooling
from tests.support.stored import STORED_WITHIN_S, awaited, connected, stored

pytestmark = EVERY_DATABASE

MOST_SKEW = timedelta(seconds=2)  # of a database's own clock


def by_id(rows: list[Prediction]) -> dict[UUID, Prediction]:
    """Return the rows by their ids, which sort no finer than by milliseconds."""
    return {row.id: row for row in rows}


@pytest.fixture(name="recorder")
def fixture_recorder(settings: DatabaseSettings) -> Iterator[PredictionLogger]:
    """Open a recorder on an empty database."""
    recorder = PredictionLogger(settings)
    recorder.open()
    yield recorder
    recorder.close()


def test_a_prediction_is_read_back_as_it_was_recorded(
    recorder: PredictionLogger, settings: DatabaseSettings
) -> None:
    made = prediction()

    recorder.record([made])

    assert [made] == awaited(settings, 1)


def test_a_text_that_was_read_in_part_is_marked_in_its_row(
    recorder: PredictionLogger, settings: DatabaseSettings
) -> None:
    made = [prediction(), prediction(truncated=True)]

    recorder.record(made)

    assert by_id(made) == by_id(awaited(settings, 2))


def test_a_row_that_another_version_spooled_is_written(settings: DatabaseSettings) -> None:
    made = prediction()
    as_others_did = asdict(made) | {
        "id": str(made.id),
        "timestamp": made.timestamp.isoformat(timespec="milliseconds"),
    }
    del as_others_did["truncated"]  # of earlier versions
    later = as_others_did | {"id": str(new_id()), "truncated": True, "language": "en"}
    spool = Spool(settings.spool_dir, 10, 10_000)
    spool.append([json.dumps(as_others_did), json.dumps(later)])
    spool.close()

    with closing(PredictionLogger(settings)) as recorder:
        recorder.open()

        assert {
            made.id: made,
            UUID(later["id"]): replace(made, id=UUID(later["id"]), truncated=True),
        } == (by_id(awaited(settings, 2)))


def test_a_row_tells_when_it_was_written(settings: DatabaseSettings) -> None:
    recorder = PredictionLogger(settings)
    made = replace(prediction(), timestamp=utc_now())
    recorder.record([made])

    recorder.open()
    recorder.close()

    with connected(settings) as connection:
        (written,) = connection.scalars(select(METRICS.c.recorded_at))
    assert made.timestamp - MOST_SKEW <= written <= utc_now() + MOST_SKEW


def test_every_text_survives(recorder: PredictionLogger, settings: DatabaseSettings) -> None:
    rows = [prediction(words) for words in HARD_TEXTS]

    recorder.record(rows)

    assert by_id(rows) == by_id(awaited(settings, len(rows)))


def test_what_no_database_is_sure_to_hold_is_replaced(
    recorder: PredictionLogger, settings: DatabaseSettings
) -> None:
    rows = [prediction(given) for given in REPLACED_TEXTS]
    expected = [
        replace(row, text=text) for row, text in zip(rows, REPLACED_TEXTS.values(), strict=True)
    ]

    recorder.record(rows)

    assert by_id(expected) == by_id(awaited(settings, len(rows)))


def test_without_store_text_all_but_the_text_is_recorded(settings: DatabaseSettings) -> None:
    recorder = PredictionLogger(settings.model_copy(update={"store_text": False}))
    recorder.open()
    made = prediction("private")

    recorder.record([made])
    recorder.close()

    assert [replace(made, text=None)] == stored(settings)


def test_nothing_to_record_is_no_error(
    recorder: PredictionLogger, settings: DatabaseSettings
) -> None:
    recorder.record([])

    assert [] == stored(settings)


def test_closing_writes_what_is_spooled(settings: DatabaseSettings) -> None:
    recorder = PredictionLogger(settings)
    recorder.open()

    recorder.record([prediction() for _ in range(3000)])
    recorder.close()

    assert 3000 == len(stored(settings))
    assert not list(settings.spool_dir.iterdir())


def test_a_row_that_is_written_again_is_there_once(
    recorder: PredictionLogger, settings: DatabaseSettings
) -> None:
    made, other = prediction(), prediction()

    recorder.record([made])
    awaited(settings, 1)
    recorder.record([made, other])

    assert by_id([made, other]) == by_id(awaited(settings, 2))


def test_a_row_that_is_spooled_twice_in_one_batch_is_there_once(
    recorder: PredictionLogger, settings: DatabaseSettings
) -> None:
    made, other = prediction(), prediction()

    recorder.record([made, other, made])

    assert by_id([made, other]) == by_id(awaited(settings, 2))
    eventually(lambda: spool_depth(settings.spool_dir).pending == 0, STORED_WITHIN_S)
    assert [] == dead_letters(settings.spool_dir)


def test_a_row_that_the_database_refuses_keeps_no_other_from_it(
    recorder: PredictionLogger, settings: DatabaseSettings, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [prediction(f"private {number}") for number in range(100)]
    too_long = replace(prediction(), text="private " * MAX_TEXT_CHARACTERS)

    recorder.record([*rows[:37], too_long, *rows[37:]])

    assert by_id(rows) == by_id(awaited(settings, 100))
    assert eventually(lambda: "the database refuses a row" in caplog.text, STORED_WITHIN_S)
    (kept,) = dead_letters(settings.spool_dir)
    assert str(too_long.id) in kept.body
    assert kept.refused
    assert "private" not in caplog.text


def test_rows_that_are_damaged_keep_no_other_from_the_database(settings: DatabaseSettings) -> None:
    rows = [prediction() for _ in range(2)]
    damaged = ["{", "no JSON", "[]", "{}", '{"id": "']
    killed_after_spooling(settings.spool_dir, *damaged, *(row.to_json() for row in rows))
    recorder = PredictionLogger(settings)

    recorder.open()

    assert by_id(rows) == by_id(awaited(settings, 2))
    recorder.close()
    assert damaged == [row.body for row in dead_letters(settings.spool_dir)]


def test_services_that_start_at_once_create_the_tables_together(
    settings: DatabaseSettings,
) -> None:
    recorders = [PredictionLogger(settings) for _ in range(4)]
    barrier = threading.Barrier(len(recorders))

    def work(recorder: PredictionLogger) -> None:
        barrier.wait()
        recorder.open()
        for _ in range(25):
            recorder.record([prediction(), prediction()])
        recorder.close()

    with ThreadPoolExecutor() as pool:
        list(pool.map(work, recorders))

    later = PredictionLogger(
        settings
    )  # takes over what a recorder could not write before it was closed
    later.open()
    assert 4 * 25 * 2 == len(awaited(settings, 4 * 25 * 2))
    later.close()
