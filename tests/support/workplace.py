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
STANDING_STILL = {"EPOCHS": "1", "LEARNING_RATE": "1e-12"}
SIZES = {"TRAIN_SIZE": "60", "EVAL_SIZE": "30"}
DEADLINE_S = 300


@dataclass(frozen=True)
class Material:
    """Hold what every run starts from: tweets, and a base model that is blind at first."""

    tweets: Path
    base: Path

    @classmethod
    def make(cls, starter: Path, folder: Path) -> "Material":
        """Make both in a folder."""
        return cls(write_sample(folder / "tweets"), blinded(starter, folder / "blinded"))


class Workplace:
    """Run ``python -m MODULE`` in a folder, with a Bento store and caches inside of it."""

    def __init__(self, folder: Path, material: Material, **variables: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        kept = {name: os.environ[name] for name in ("HOME", "PATH", "LANG") if name in os.environ}
        self.environment = kept | {
            "BASE_MODEL": str(material.base),
            "BENTOML_DO_NOT_TRACK": "true",
            "BENTOML_HOME": str(folder / "bentoml"),
            "DATASET": str(material.tweets),
            "ENV_FILE": "",
            "HF_HOME": str(folder / "huggingface"),
            "PYTHONPATH": str(REPOSITORY),
            **SIZES,
            **variables,
        }

    def run(
        self, command: Sequence[str], variables: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run this Python with arguments, to its end."""
        return subprocess.run(
            [sys.executable, *command],
            cwd=self.folder,
            env=self.environment | dict(variables or {}),
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )

    def train(self, variables: Mapping[str, str]) -> str:
        """Run the training; return what it printed. Raises AssertionError where it failed."""
        done = self.run(["-m", "training"], variables)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def read(self, name: str) -> dict[str, Any]:
        """Return the content of a JSON file of the folder."""
        content: dict[str, Any] = json.loads((self.folder / name).read_text(encoding="utf-8"))
        return content

    @property
    def models(self) -> list[Path]:
        """Return the folders of all models of the Bento store, in the order of their tags."""
        store = self.folder / "bentoml" / "models" / "sentiment"
        return sorted(path for path in store.glob("*") if path.is_dir())
