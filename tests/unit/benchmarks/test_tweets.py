"""Benchmarks classify the tweets of a data set where one is named."""

import subprocess
from pathlib import Path

import pytest

pytest.importorskip("datasets", reason="the training group is not installed")

# pylint: disable=wrong-import-position  # only where the training group is installed
from benchmarks.texts import read_texts
from benchmarks.tweets import tweets, written
from tests.support.tweet_data import write_sample


def test_the_tweets_of_its_validation_are_written_as_texts(tmp_path: Path) -> None:
    source = str(write_sample(tmp_path / "tweets"))

    path = written(source, tmp_path / "output")

    assert tweets(source) == read_texts(path)


def test_a_data_set_that_is_not_there_is_told(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        written(str(tmp_path / "nothing"), tmp_path)

    assert "DATASET=" in capfd.readouterr().err
