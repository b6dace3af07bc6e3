"""The folder that a benchmark writes to, and a small dataset."""

from pathlib import Path

import pytest


@pytest.fixture(name="output", scope="module")
def fixture_output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder for results."""
    return tmp_path_factory.mktemp("bench")


@pytest.fixture(name="dataset", scope="module")
def fixture_dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a dataset of the repository's samples."""
    pytest.importorskip("datasets", reason="the training group is not installed")
    from tests.support.tweet_data import write_sample  # pylint: disable=import-outside-toplevel

    return write_sample(tmp_path_factory.mktemp("dataset") / "tweets")
