"""The random model replaces its outdated versions, and nothing else."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks.model import CACHE, REPOSITORY, SOURCES, random_model
from inference.model_folder import METADATA_FILE


def make(folder: Path, origin: str | None) -> Path:
    """Make the folder of a model, with an origin in its metadata or without metadata."""
    folder.mkdir(parents=True)
    if origin is not None:
        (folder / METADATA_FILE).write_text(json.dumps({"origin": origin}), encoding="utf-8")
    return folder


def test_only_outdated_models_of_benchmarks_are_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(command: Sequence[str], **_: object) -> None:
        """Make the folder only."""
        make(Path(command[-1]), "benchmark")

    monkeypatch.setattr(subprocess, "run", run)
    outdated = make(tmp_path / "roberta-base-0123456789ab", "benchmark")
    kept = {
        make(tmp_path / "roberta-base-mine", "benchmark"),
        make(tmp_path / "roberta-base-sentiment", None),
        make(tmp_path / "roberta-base-ba9876543210", "training"),
        make(tmp_path / "roberta-base-000000000000", None),
    }

    made = random_model(tmp_path)

    assert not outdated.exists()
    assert {made, *kept} == set(tmp_path.iterdir())


def test_the_cache_is_a_folder_for_these_models_alone() -> None:
    assert REPOSITORY / "artifacts" / "bench" / "models" == CACHE


def test_all_code_that_determines_the_model_exists() -> None:
    assert all(any(REPOSITORY.glob(pattern)) for pattern in SOURCES)
