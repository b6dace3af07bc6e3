"""The command trains, or names an invalid setting."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

pytest.importorskip("torch", reason="the training group is not installed")
pytest.importorskip("datasets", reason="the training group is not installed")

ROWS = {"text": ["so bad", "on tuesday", "so good"] * 20, "label": [0, 1, 2] * 20}


@pytest.fixture(name="train")
def fixture_train(repository: Path, tmp_path: Path) -> Callable[..., CompletedProcess[str]]:
    """Return a runner of ``python -m training.starter`` with its own cache."""

    def run(data: Path, *arguments: str) -> CompletedProcess[str]:
        own = {"DATASET": str(data), "SEED": "1", "HF_HOME": str(tmp_path / "hf")}
        return subprocess.run(
            [sys.executable, "-m", "training.starter", *arguments],
            cwd=repository,
            env=os.environ | own,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.mark.slow
def test_a_model_is_trained_from_a_folder_and_its_metrics_are_printed(train, data_folder, tmp_path):
    data = data_folder(train=ROWS, validation=ROWS)
    quick = ["--pretraining-epochs=1", "--finetuning-epochs=1", "--teacher-share=0"]

    found = train(data, f"--output={tmp_path / 'model'}", "--held-out=20", *quick)

    assert 0 == found.returncode, found.stderr
    assert "int8 is served: accuracy" in found.stdout
    metadata = json.loads((tmp_path / "model" / "metadata.json").read_text(encoding="utf-8"))
    assert (40, 20, 1) == tuple(metadata[key] for key in ("train_size", "eval_size", "seed"))
    assert "rows held out of train" == metadata["eval_split"]


def test_a_missing_dataset_is_reported_without_a_traceback(train, tmp_path):
    found = train(tmp_path / "nowhere")

    assert 1 == found.returncode
    assert "DATASET=" in found.stderr
    assert "Traceback" not in found.stderr
