"""Datasets with the Hub's layout, written by the tests."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import datasets

from training.data.dataset import LABELS

SAMPLES = Path(__file__).parent.parent.parent / "samples" / "tweets.jsonl"
VALIDATION_ROWS = 50
FRONT_MATTER = """\
---
configs:
- config_name: sentiment
  data_files:
  - split: train
    path: sentiment/train-*
  - split: validation
    path: sentiment/validation-*
"""
TEST_SPLIT = """\
  - split: test
    path: sentiment/test-*
"""


def write_data(
    folder: Path, splits: Mapping[str, Mapping[str, Any]], labels: Sequence[str] | None = LABELS
) -> Path:
    """Write splits of columns into a new folder; without ``labels``, class ids stay numbers."""
    (folder / "sentiment").mkdir(parents=True)
    named = FRONT_MATTER + (TEST_SPLIT if "test" in splits else "") + "---\n"
    (folder / "README.md").write_text(named, encoding="utf-8")
    for split, columns in splits.items():
        rows = datasets.Dataset.from_dict(dict(columns))
        if labels:
            rows = rows.cast_column("label", datasets.ClassLabel(names=list(labels)))
        rows.to_parquet(folder / "sentiment" / f"{split}-00000-of-00001.parquet")
    return folder


def write_sample(folder: Path, has_test: bool = False) -> Path:
    """Write the repository's own sample as a dataset, its last 50 rows as validation.

    The optional split test has the same rows in reverse order.
    """
    lines = SAMPLES.read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    texts = [row["text"] for row in rows]
    labels = [LABELS.index(row["label"]) for row in rows]
    cut = len(rows) - VALIDATION_ROWS
    splits = {
        "train": {"text": texts[:cut], "label": labels[:cut]},
        "validation": {"text": texts[cut:], "label": labels[cut:]},
    }
    if has_test:
        splits["test"] = {"text": texts[::-1], "label": labels[::-1]}
    return write_data(folder, splits)
