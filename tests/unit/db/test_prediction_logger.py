"""Recorded predictions are stored once, unchanged and soon."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
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
from tests.support.stored import STORED_WITHIN_S, awaited, connected, logging_to, stored

pytestmark = EVERY_DATABASE

MAX_SKEW = timedelta(seconds=2)  # of a database's own clock


def by_id(rows: list[Prediction]) -> dict[UUID, Prediction]:
    """Return the rows by their ids, which sort by milliseconds only."""
    return {row.id: row for row in rows}


@pytest.fixture(name="log")
def fixture_log(settings: DatabaseSettings) -> Iterator[PredictionLogger]:
    """Open a prediction logger on an empty database."""
    with logging_to(settings) as log:
        yield log


def test_predictions_are_stored_unchanged(
    log: PredictionLogger, settings: DatabaseSettings
) -> None:
    made = [prediction(), prediction(truncated=True), *map(prediction, HARD_TEXTS)]

    log.record(made)
    log.record([])

    assert by_id(made) == by_id(awaited(settings, len(made)))


def test_characters_that_databases_cannot_store_are_replaced(
    log: PredictionLogger, settings: DatabaseSettings
) -> None:
    made = {text: prediction(text) for text in REPLACED_TEXTS}
    expected = [replace(row, text=REPLACED_TEXTS[text]) for text, row in made.items()]

    log.record([*made.values()])

    assert by_id(expected) == by_id(awaited(settings, len(made)))


def test_rows_spooled_by_other_versions_are_stored(settings: DatabaseSettings) -> None:
    made = prediction()
    earlier = asdict(made) | {
        "id": str(made.id),
        "timestamp": made.timestamp.isoformat(timespec="milliseconds"),
    }
    del earlier["truncated"]
    later = earlier | {"id": str(new_id()), "truncated": True, "language": "en"}
    spool = Spool(settings.spool_dir, 10, 10_000)
    spool.append([json.dumps(earlier), json.dumps(later)])
    spool.close()

    with logging_to(settings):
        written = awaited(settings, 2)

    expected = [made, replace(made, id=UUID(later["id"]), truncated=True)]
    assert by_id(expected) == by_id(written)


def test_a_row_has_the_time_when_it_was_written(settings: DatabaseSettings) -> None:
    made = replace(prediction(), timestamp=utc_now())

    with logging_to(settings) as log:
        log.record([made])

    with connected(settings) as connection:
        (written,) = connection.scalars(select(METRICS.c.recorded_at))
    assert made.timestamp - MAX_SKEW <= written <= utc_now() + MAX_SKEW


def test_with_store_text_off_everything_but_the_text_is_stored(settings: DatabaseSettings) -> None:
    made = prediction("private")

    with logging_to(settings.model_copy(update={"store_text": False})) as log:
        log.record([made])

    assert [replace(made, text=None)] == stored(settings)


def test_closing_writes_all_spooled_rows(settings: DatabaseSettings) -> None:
    with logging_to(settings) as log:
        log.record([prediction() for _ in range(3000)])

    assert 3000 == len(stored(settings))
    assert not list(settings.spool_dir.iterdir())


def test_a_row_that_is_recorded_several_times_is_stored_once(
    log: PredictionLogger, settings: DatabaseSettings
) -> None:
    first, second, third = (prediction() for _ in range(3))

    log.record([first, second, first])
    awaited(settings, 2)
    log.record([first, third])

    assert by_id([first, second, third]) == by_id(awaited(settings, 3))
    eventually(lambda: spool_depth(settings.spool_dir).pending == 0, STORED_WITHIN_S)
    assert [] == dead_letters(settings.spool_dir)


def test_a_refused_row_becomes_a_dead_letter_and_the_others_are_stored(
    log: PredictionLogger, settings: DatabaseSettings, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [prediction(f"private {number}") for number in range(100)]
    too_long = replace(prediction(), text="private " * MAX_TEXT_CHARACTERS)

    log.record([*rows[:37], too_long, *rows[37:]])

    assert by_id(rows) == by_id(awaited(settings, 100))
    assert eventually(lambda: "the database refuses a row" in caplog.text, STORED_WITHIN_S)
    (kept,) = dead_letters(settings.spool_dir)
    assert str(too_long.id) in kept.body
    assert kept.refused
    assert "private" not in caplog.text


def test_damaged_rows_become_dead_letters_and_the_others_are_stored(
    settings: DatabaseSettings,
) -> None:
    rows = [prediction() for _ in range(2)]
    damaged = ["{", "no JSON", "[]", "{}", '{"id": "']
    killed_after_spooling(settings.spool_dir, *damaged, *(row.to_json() for row in rows))

    with logging_to(settings):
        assert by_id(rows) == by_id(awaited(settings, 2))

    assert damaged == [row.body for row in dead_letters(settings.spool_dir)]


def test_services_that_start_together_create_the_tables_together(
    settings: DatabaseSettings,
) -> None:
    logs = [PredictionLogger(settings) for _ in range(4)]
    barrier = threading.Barrier(len(logs))

    def record(log: PredictionLogger) -> None:
        barrier.wait()
        log.open()
        for _ in range(25):
            log.record([prediction(), prediction()])
        log.close()

    with ThreadPoolExecutor() as pool:
        list(pool.map(record, logs))

    with logging_to(settings):  # claims the rows left over
        assert 4 * 25 * 2 == len(awaited(settings, 4 * 25 * 2))
