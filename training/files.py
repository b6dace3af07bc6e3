"""Files that a training run writes, each as a whole or not at all."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Files:
    """Paths of a run in its folder, by default the current one."""

    folder: Path = Path()

    @property
    def metrics(self) -> Path:
        """Return the file with the metrics of the last run."""
        return self.folder / "metrics.json"

    @property
    def best(self) -> Path:
        """Return the file with the metrics of the best model."""
        return self.folder / "best_metrics.json"

    @property
    def artifacts(self) -> Path:
        """Return the folder of plots and temporary files."""
        return self.folder / "artifacts"

    @property
    def pending_promotion(self) -> Path:
        """Return the file that exists during a promotion."""
        return self.artifacts / "promotion.json"

    @property
    def unrecorded_runs(self) -> Path:
        """Return the folder of runs that are not in the database yet, a file for each."""
        return self.artifacts / "unrecorded_runs"

    @property
    def releases(self) -> Path:
        """Return the folder that keeps the champion as it is published."""
        return self.artifacts / "releases"


def write_json(path: Path, content: Any) -> None:
    """Replace a file by this JSON."""
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Replace a file by this content; a process that is killed meanwhile leaves the old file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
