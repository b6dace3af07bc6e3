"""A folder in which the training commands run as on a machine of their own."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.base_models import blinded
from tests.support.server import REPOSITORY
from tests.support.tweet_data import write_sample

LEARNING = {"EPOCHS": "5", "LEARNING_RATE": "1e-3", "BATCH_SIZE": "8"}
NO_LEARNING = {"EPOCHS": "1", "LEARNING_RATE": "1e-12"}
SIZES = {"TRAIN_SIZE": "60", "EVAL_SIZE": "30"}
TIMEOUT_S = 300


@dataclass(frozen=True)
class TrainingInputs:
    """Tweets, and a base model that calls everything negative at first."""

    tweets: Path
    base: Path

    @classmethod
    def make(cls, starter: Path, folder: Path) -> "TrainingInputs":
        """Write both into a folder."""
        return cls(write_sample(folder / "tweets"), blinded(starter, folder / "blinded"))


class TrainingMachine:
    """Run ``python -m MODULE`` in a folder, which also holds the Bento store and caches."""

    def __init__(self, folder: Path, inputs: TrainingInputs, **variables: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        names = ("HOME", "PATH", "LANG", "OMP_NUM_THREADS")
        kept = {name: os.environ[name] for name in names if name in os.environ}
        self.environment = kept | {
            "BASE_MODEL": str(inputs.base),
            "BENTOML_DO_NOT_TRACK": "true",
            "BENTOML_HOME": str(folder / "bentoml"),
            "DATASET": str(inputs.tweets),
            "ENV_FILE": "",
            "HF_HOME": str(folder / "huggingface"),
            "PYTHONPATH": str(REPOSITORY),
            **SIZES,
            **variables,
        }

    def run(
        self, command: Sequence[str], variables: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run this Python with arguments until it ends."""
        return subprocess.run(
            [sys.executable, *command],
            cwd=self.folder,
            env=self.environment | dict(variables or {}),
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )

    def train(self, variables: Mapping[str, str]) -> str:
        """Run the training; return its output. Raises AssertionError if it fails."""
        done = self.run(["-m", "training"], variables)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def read(self, name: str) -> dict[str, Any]:
        """Return the content of a JSON file of the folder."""
        content: dict[str, Any] = json.loads((self.folder / name).read_text(encoding="utf-8"))
        return content

    @property
    def models(self) -> list[Path]:
        """Return the folders of all models of the Bento store, sorted by tag."""
        store = self.folder / "bentoml" / "models" / "sentiment"
        return sorted(path for path in store.glob("*") if path.is_dir())
