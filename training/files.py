"""Where a training run writes."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Files:
    """Hold the folder in which all paths of a run lie, by default the current one."""

    folder: Path = Path()

    @property
    def metrics(self) -> Path:
        """Return the file with the figures of the last run."""
        return self.folder / "metrics.json"

    @property
    def best(self) -> Path:
        """Return the file with the figures of the best model."""
        return self.folder / "best_metrics.json"

    @property
    def artifacts(self) -> Path:
        """Return the folder of pictures, and of whatever else can be made anew."""
        return self.folder / "artifacts"

    @property
    def pending_promotion(self) -> Path:
        """Return the file that is there while a promotion is under way."""
        return self.artifacts / "promotion.json"

    @property
    def unrecorded_runs(self) -> Path:
        """Return the folder of runs that the database does not have yet, a file for each."""
        return self.artifacts / "unrecorded_runs"

    @property
    def releases(self) -> Path:
        """Return the folder that keeps the champion's full form, as it is published."""
        return self.artifacts / "releases"
