"""The repository's own tweets, for what needs texts but no labels that people agreed on."""

import json
from pathlib import Path

SAMPLES = Path(__file__).parent.parent.parent / "samples" / "tweets.jsonl"


def sample_texts() -> tuple[str, ...]:
    """Return the texts of ``samples/tweets.jsonl``."""
    with SAMPLES.open(encoding="utf-8") as lines:
        return tuple(json.loads(line)["text"] for line in lines)
