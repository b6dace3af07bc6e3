"""Data sets laid out like the Hub's, for the tests of training."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

LABELS = ["negative", "neutral", "positive"]
FRONT_MATTER = """\
---
configs:
- config_name: sentiment
  data_files:
  - split: train
    path: sentiment/train-*
  - split: validation
    path: sentiment/validation-*
---
"""


@pytest.fixture(name="data_folder")
def fixture_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Give a maker of data sets laid out like the Hub's, whose columns the caller chooses."""
    datasets = pytest.importorskip("datasets", reason="the training group is not installed")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")

    def make(labels: Sequence[str] | None = None, **splits: dict[str, list]) -> Path:
        folder = tmp_path / "tweets"
        (folder / "sentiment").mkdir(parents=True)
        (folder / "README.md").write_text(FRONT_MATTER, encoding="utf-8")
        for split, columns in splits.items():
            rows = datasets.Dataset.from_dict(columns)
            if labels != []:
                rows = rows.cast_column("label", datasets.ClassLabel(names=labels or LABELS))
            rows.to_parquet(folder / "sentiment" / f"{split}-00000-of-00001.parquet")
        return folder

    return make
