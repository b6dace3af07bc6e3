"""Texts come from lines of JSON."""

from pathlib import Path

import pytest

from benchmarks.texts import TextsError, read_texts


def test_the_texts_of_a_file_come_in_its_order(tmp_path: Path) -> None:
    path = tmp_path / "texts.jsonl"
    path.write_text('{"text": "one", "label": "neutral"}\n{"text": "zwö\u2028lf"}\n', "utf-8")

    assert ("one", "zwö\u2028lf") == read_texts(path)


@pytest.mark.parametrize("content", ["", "no JSON", '{"words": 1}', "[]"])
def test_a_file_without_texts_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "texts.jsonl"
    path.write_text(content, "utf-8")

    with pytest.raises(TextsError, match=f"^{path} gives no texts: .* TEXTS names a file"):
        read_texts(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(TextsError, match="No such file"):
        read_texts(tmp_path / "missing")
