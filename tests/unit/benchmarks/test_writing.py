"""The writer and the spool are measured by what they really do."""

from itertools import islice
from pathlib import Path

from benchmarks.database import count_rows, sqlite_url
from benchmarks.writing import Amount, measure_appending, measure_writer, predictions

TEXTS = ("one", "two", "three")


def test_the_writer_is_measured_while_all_rows_come_into_the_database(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "database")

    spread = measure_writer(url, TEXTS, Amount(rows=50, runs=3), tmp_path)

    assert 1000 + 3 * 50 == count_rows(url)
    assert 0 < spread.lowest <= spread.median <= spread.highest
    assert ["database"] == [path.name for path in tmp_path.iterdir()]


def test_the_cost_of_a_request_is_its_share_of_a_batch(tmp_path: Path) -> None:
    appending = measure_appending(TEXTS, 20, tmp_path)

    assert 0 < appending.request_ms <= appending.batch_p99_ms
    assert appending.rows_per_s * appending.request_ms / 1000 > 0.999
    assert appending.rows_per_s * appending.request_ms / 1000 < 1.001


def test_predictions_differ_and_hold_the_texts() -> None:
    made = list(islice(predictions(TEXTS), 100))

    assert 100 == len({prediction.id for prediction in made})
    assert set(TEXTS) == {prediction.text for prediction in made}
