"""The sample tweets agree with samples/README.md."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(name="samples")
def fixture_samples(repository: Path) -> list[dict[str, Any]]:
    """Read the sample."""
    path = repository / "samples" / "tweets.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_every_line_has_a_text_and_one_of_three_labels(samples: list[dict[str, Any]]) -> None:
    assert all({"text", "label"} == set(sample) for sample in samples)
    assert {"negative": 50, "neutral": 50, "positive": 50} == Counter(
        sample["label"] for sample in samples
    )


def test_all_texts_are_distinct(samples: list[dict[str, Any]]) -> None:
    assert len(samples) == len({sample["text"] for sample in samples})


@pytest.mark.parametrize("mark", ["#", "@", "http", "\n", "é", "\u200d"])
def test_the_texts_contain_typical_characters_of_tweets(
    samples: list[dict[str, Any]], mark: str
) -> None:
    assert any(mark in sample["text"] for sample in samples)


def test_some_texts_contain_emoji(samples: list[dict[str, Any]]) -> None:
    assert any(ord(character) > 0x1F000 for sample in samples for character in sample["text"])
