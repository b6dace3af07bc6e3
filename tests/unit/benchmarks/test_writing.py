"""The writer and the spool are measured with real rows."""

from itertools import islice
from pathlib import Path

from benchmarks.database import count_rows, sqlite_url
from benchmarks.writing import measure_spool, measure_writer, predictions

TEXTS = ("one", "two", "three")


def test_the_writer_is_measured_until_all_rows_are_in_the_database(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "database")

    spread = measure_writer(url, TEXTS, rows=50, runs=3, folder=tmp_path)

    assert 1000 + 3 * 50 == count_rows(url)
    assert 0 < spread.lowest <= spread.median <= spread.highest
    assert ["database"] == [path.name for path in tmp_path.iterdir()]


def test_the_time_per_request_is_the_batchs_divided_by_its_rows(tmp_path: Path) -> None:
    result = measure_spool(TEXTS, 20, tmp_path)

    assert 0 < result.request_ms <= result.batch_p99_ms
    assert result.rows_per_s * result.request_ms / 1000 > 0.999
    assert result.rows_per_s * result.request_ms / 1000 < 1.001


def test_predictions_have_distinct_ids_and_the_given_texts() -> None:
    made = list(islice(predictions(TEXTS), 100))

    assert 100 == len({prediction.id for prediction in made})
    assert set(TEXTS) == {prediction.text for prediction in made}
