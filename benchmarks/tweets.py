"""Tweets of a data set, for services to classify: ``python -m benchmarks.tweets DATASET FILE``."""

import json
import subprocess
import sys
from pathlib import Path

from training.data.dataset import load
from training.errors import TrainingError

REPOSITORY = Path(__file__).parent.parent


def tweets(source: str) -> tuple[str, ...]:
    """Return the texts of a data set's validation. Raises DatasetError."""
    return load(source).evaluation.texts


def written(source: str, folder: Path) -> Path:
    """Write them as lines of JSON into a folder, by another process: loading starts threads.

    Raises subprocess.CalledProcessError where that fails, after its own words about it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder.absolute() / "tweets.jsonl"
    command = [sys.executable, "-m", "benchmarks.tweets", source, str(path)]
    subprocess.run(command, cwd=REPOSITORY, check=True)  # noqa: S603  # all of it is ours
    return path


def main(source: str, path: str) -> int:
    """Write the file; return the exit status."""
    try:
        lines = [json.dumps({"text": text}) + "\n" for text in tweets(source)]
    except TrainingError as error:
        print(error, file=sys.stderr)
        return 1
    Path(path).write_text("".join(lines), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
