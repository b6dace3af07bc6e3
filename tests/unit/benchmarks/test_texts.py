"""Texts come from JSON lines or from the validation split of a dataset."""

import subprocess
from pathlib import Path

import pytest

from benchmarks.texts import TextsError, dataset_texts, read_texts, write_dataset_texts


def test_the_texts_of_a_file_keep_their_order(tmp_path: Path) -> None:
    path = tmp_path / "texts.jsonl"
    path.write_text('{"text": "one", "label": "neutral"}\n{"text": "zwö\u2028lf"}\n', "utf-8")

    assert ("one", "zwö\u2028lf") == read_texts(path)


@pytest.mark.parametrize("content", [None, "", "no JSON", '{"words": 1}', "[]"])
def test_an_error_names_the_file_and_the_setting(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "texts.jsonl"
    if content is not None:
        path.write_text(content, "utf-8")

    with pytest.raises(TextsError, match=f"^{path} has no texts: .* Set TEXTS to a file"):
        read_texts(path)


def test_the_validation_texts_of_a_dataset_are_written_to_a_file(tmp_path: Path) -> None:
    pytest.importorskip("datasets", reason="the training group is not installed")
    from tests.support.tweet_data import write_sample  # pylint: disable=import-outside-toplevel

    source = str(write_sample(tmp_path / "tweets"))

    path = write_dataset_texts(source, tmp_path / "output")

    assert dataset_texts(source) == read_texts(path)


def test_a_missing_dataset_is_named(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("datasets", reason="the training group is not installed")

    with pytest.raises(subprocess.CalledProcessError):
        write_dataset_texts(str(tmp_path / "nothing"), tmp_path)

    assert "DATASET=" in capfd.readouterr().err
