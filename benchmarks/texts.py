"""The texts to classify: ``python -m benchmarks.texts DATASET FILE`` writes those of a dataset."""

import json
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parent.parent
SAMPLES = REPOSITORY / "samples" / "tweets.jsonl"


class TextsError(Exception):
    """A file has no texts."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(
            f"{path} has no texts: {problem}. Set TEXTS to a file of JSON objects with a `text`, "
            "one per line, like samples/tweets.jsonl"
        )


def read_texts(path: Path) -> tuple[str, ...]:
    """Return the field ``text`` of every line, a JSON object. Raises TextsError."""
    try:
        with path.open(encoding="utf-8") as lines:
            texts = tuple(str(json.loads(line)["text"]) for line in lines)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TextsError(path, str(error) or type(error).__name__) from error
    if not texts:
        raise TextsError(path, "it is empty")
    return texts


def dataset_texts(source: str) -> tuple[str, ...]:
    """Return the texts of a dataset's validation split. Raises DatasetError."""
    from training.data.dataset import load  # pylint: disable=import-outside-toplevel  # if needed

    return load(source).evaluation.texts


def write_dataset_texts(source: str, folder: Path) -> Path:
    """Write the texts of a dataset to a file for `read_texts`; return its path.

    A process of its own loads the dataset, since that starts threads. It prints its error; then
    this raises subprocess.CalledProcessError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder.absolute() / "tweets.jsonl"
    command = [sys.executable, "-m", "benchmarks.texts", source, str(path)]
    subprocess.run(command, cwd=REPOSITORY, check=True)  # noqa: S603  # all of it is ours
    return path


def main(source: str, path: str) -> int:
    """Write the file; return the exit status."""
    from training.errors import TrainingError  # pylint: disable=import-outside-toplevel  # as above

    try:
        lines = [json.dumps({"text": text}) + "\n" for text in dataset_texts(source)]
    except TrainingError as error:
        print(error, file=sys.stderr)
        return 1
    Path(path).write_text("".join(lines), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
