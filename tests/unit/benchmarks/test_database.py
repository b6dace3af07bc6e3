"""Benchmarks write into empty databases and those that they claimed, never into others."""

from dataclasses import asdict
from pathlib import Path

import pytest
from sqlalchemy import insert

from benchmarks.database import claim, count_rows, engine_of, sqlite_url
from benchmarks.writing import predictions
from db.database.schema import METRICS
from db.settings import SettingsError


def fill(url: str) -> None:
    """Write a prediction, as a service or a benchmark does."""
    engine = engine_of(url)
    METRICS.metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(insert(METRICS), [asdict(next(predictions(["a text"])))])
    engine.dispose()


def test_an_empty_database_is_claimed_and_can_be_filled_repeatedly(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path)
    claim(url)
    fill(url)

    claim(url)

    assert 1 == count_rows(url)


def test_a_database_with_other_predictions_is_refused(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path)
    fill(url)

    with pytest.raises(SettingsError, match=r"BENCH_DATABASE_URL .* with 1 prediction\(s\)"):
        claim(url)
