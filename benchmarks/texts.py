"""The texts that services are asked to classify."""

import json
from pathlib import Path

SAMPLES = Path(__file__).parent.parent / "samples" / "tweets.jsonl"  # the repository's own


class TextsError(Exception):
    """A file holds no texts."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(
            f"{path} gives no texts: {problem}. TEXTS names a file of JSON objects with a "
            "`text`, one a line, as samples/tweets.jsonl is"
        )


def read_texts(path: Path) -> tuple[str, ...]:
    """Read the field ``text`` of every line, a JSON object. Raises TextsError."""
    try:
        with path.open(encoding="utf-8") as lines:
            texts = tuple(str(json.loads(line)["text"]) for line in lines)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TextsError(path, str(error) or type(error).__name__) from error
    if not texts:
        raise TextsError(path, "it is empty")
    return texts
