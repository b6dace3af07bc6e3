"""What is recorded stands in the database, whole or not at all."""

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import create_engine, select

from db.prediction import Prediction, new_id
from db.recorder import Recorder, RecordingError
from db.schema import METRICS
from db.settings import DatabaseSettings, SettingsError

HARD_TEXTS = [
    "😀👩‍👩‍👧‍👦🇩🇪" * 500,
    "\u202eright to left \u05d0\u05d1",
    "line\nbreak\ttab",
    "quote ' and \" and ; DROP TABLE metrics --",
    "NUL \x00 inside",
    "x" * 5000,
]


@pytest.fixture(name="path")
def fixture_path(tmp_path: Path) -> Path:
    """Name a database file in a folder that is not there yet."""
    return tmp_path / "data" / "predictions.sqlite3"


@pytest.fixture(name="recorder")
def fixture_recorder(path: Path) -> Iterator[Recorder]:
    """Open a recorder on an empty SQLite file."""
    recorder = recorder_on(path)
    recorder.open()
    yield recorder
    recorder.close()


def recorder_on(path: Path, store_text: bool = True) -> Recorder:
    """Make a recorder that is not opened yet."""
    return Recorder(DatabaseSettings(database_url=f"sqlite:///{path}", store_text=store_text))


def prediction(words: str = "good") -> Prediction:
    """Make a prediction with a new id."""
    return Prediction(
        id=new_id(),
        timestamp=datetime(2026, 2, 3, 4, 5, 6, 789000),
        text=words,
        latency_ms=12.345,
        label="positive",
        confidence=0.987654,
        model_tag="sentiment:abc",
        batch_size=3,
    )


def stored(path: Path) -> list[Prediction]:
    """Read all rows back, in the order of their ids."""
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        rows = connection.execute(select(METRICS).order_by(METRICS.c.id)).mappings().all()
    engine.dispose()
    return [Prediction(**row) for row in rows]


def test_a_prediction_is_read_back_as_it_was_recorded(recorder: Recorder, path: Path) -> None:
    made = prediction()

    recorder.record([made])

    assert [made] == stored(path)


@pytest.mark.parametrize("words", HARD_TEXTS)
def test_every_text_survives(recorder: Recorder, path: Path, words: str) -> None:
    recorder.record([prediction(words)])

    assert [words] == [row.text for row in stored(path)]


def test_opening_twice_keeps_the_rows(recorder: Recorder, path: Path) -> None:
    recorder.record([prediction()])

    recorder_on(path).open()

    assert 1 == len(stored(path))


def test_a_batch_with_one_bad_row_stores_none(recorder: Recorder, path: Path) -> None:
    first, second = prediction(), prediction()
    twice = replace(second, id=first.id)

    with pytest.raises(RecordingError, match=r"2 prediction\(s\) could not be recorded"):
        recorder.record([first, twice])

    assert [] == stored(path)


def test_the_log_of_a_failure_holds_no_text(
    recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    made = prediction("a very private tweet")

    with pytest.raises(RecordingError):
        recorder.record([made, made])

    assert "could not record 2 prediction(s)" in caplog.text
    assert "private" not in caplog.text


def test_without_store_text_all_but_the_text_is_recorded(path: Path) -> None:
    recorder = recorder_on(path, store_text=False)
    recorder.open()
    made = prediction("private")

    recorder.record([made])
    recorder.close()

    assert [replace(made, text=None)] == stored(path)  # type: ignore[arg-type]


def test_nothing_to_record_is_no_error(recorder: Recorder, path: Path) -> None:
    recorder.record([])

    assert [] == stored(path)


def test_a_database_that_cannot_be_opened_is_tried_again_with_the_next_prediction(
    path: Path,
) -> None:
    path.mkdir(parents=True)  # a folder where the file should be
    recorder = recorder_on(path)

    recorder.open()
    with pytest.raises(RecordingError):
        recorder.record([prediction()])
    path.rmdir()
    recorder.record([prediction()])
    recorder.close()

    assert 1 == len(stored(path))


def test_tables_that_were_dropped_are_made_anew(recorder: Recorder, path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE metrics")

    with pytest.raises(RecordingError):
        recorder.record([prediction()])
    recorder.record([prediction()])

    assert 1 == len(stored(path))


def test_a_file_that_was_deleted_gets_no_rows_that_nobody_finds(
    recorder: Recorder, path: Path
) -> None:
    recorder.record([prediction()])
    for file in path.parent.iterdir():
        file.unlink()

    with pytest.raises(RecordingError):
        recorder.record([prediction()])
    recorder.record([prediction()])

    assert 1 == len(stored(path))


@pytest.mark.parametrize("url", ["nosuch://host/db", "sqlite:////dev/null/below/it.sqlite3"])
def test_a_database_that_can_never_be_used_is_an_error_at_once(url: str) -> None:
    with pytest.raises(SettingsError, match="DATABASE_URL or SQL_SERVER names a database that"):
        Recorder(DatabaseSettings(database_url=url))


def test_two_recorders_can_open_and_write_one_file_at_once(path: Path) -> None:
    recorders = [recorder_on(path) for _ in range(4)]

    def work(recorder: Recorder) -> None:
        recorder.open()
        for _ in range(25):
            recorder.record([prediction(), prediction()])
        recorder.close()

    with ThreadPoolExecutor() as pool:
        list(pool.map(work, recorders))

    assert 4 * 25 * 2 == len(stored(path))


def test_rows_are_readable_by_any_program(recorder: Recorder, path: Path) -> None:
    made = prediction()
    recorder.record([made])

    with sqlite3.connect(path) as connection:
        row = connection.execute("SELECT id, timestamp, confidence FROM metrics").fetchone()
    connection.close()

    assert (made.id.hex, "2026-02-03 04:05:06.789000", 0.987654) == row
