"""Datasets and models for the tests of training."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest


@pytest.fixture(name="data_folder")
def fixture_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Return a function that writes datasets of given columns with the Hub's layout."""
    datasets = pytest.importorskip("datasets", reason="the training group is not installed")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    from tests.support.tweet_data import LABELS, write_data  # pylint: disable=import-outside-toplevel

    def make(labels: Sequence[str] = LABELS, **splits: dict[str, list]) -> Path:
        return write_data(tmp_path / "tweets", splits, labels)

    return make


@pytest.fixture(name="sample_data")
def fixture_sample_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the repository's own sample as a dataset: 100 rows of train, 50 of validation."""
    datasets = pytest.importorskip("datasets", reason="the training group is not installed")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    from tests.support.tweet_data import write_sample  # pylint: disable=import-outside-toplevel

    return write_sample(tmp_path / "sample")
