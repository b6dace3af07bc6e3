"""The model that benchmarks make replaces its own predecessors, and nothing else."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks.model import CACHE, REPOSITORY, roberta_base
from inference.model_folder import METADATA_FILE


def make(folder: Path, origin: str | None) -> Path:
    """Make a folder of a model with such an origin, or without metadata."""
    folder.mkdir(parents=True)
    if origin is not None:
        (folder / METADATA_FILE).write_text(json.dumps({"origin": origin}), encoding="utf-8")
    return folder


def test_only_outdated_models_of_benchmarks_are_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(command: Sequence[str], **_: object) -> None:
        """Make the new model, in less than a minute."""
        make(Path(command[-1]), "benchmark")

    monkeypatch.setattr(subprocess, "run", run)
    outdated = make(tmp_path / "roberta-base-0123456789ab", "benchmark")
    kept = {
        make(tmp_path / "roberta-base-mine", "benchmark"),
        make(tmp_path / "roberta-base-sentiment", None),
        make(tmp_path / "roberta-base-ba9876543210", "training"),
        make(tmp_path / "roberta-base-000000000000", None),
    }

    made = roberta_base(tmp_path)

    assert not outdated.exists()
    assert {made, *kept} == set(tmp_path.iterdir())


def test_it_is_kept_in_a_folder_that_is_nobody_elses() -> None:
    assert REPOSITORY / "artifacts" / "bench" / "models" == CACHE
