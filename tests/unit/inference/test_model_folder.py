"""Model folders are read and checked."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from inference.model_folder import ModelFolder, ModelFolderError
from inference.store import METADATA_FILE, SERVING_FILES


@pytest.fixture(name="folder")
def fixture_folder(starter: Path, tmp_path: Path) -> Path:
    """Copy the starter model."""
    return Path(shutil.copytree(starter, tmp_path / "model"))


def change(path: Path, **entries: Any) -> None:
    """Change entries of a JSON file; None removes one."""
    content = json.loads(path.read_text()) | entries
    path.write_text(json.dumps({k: v for k, v in content.items() if v is not None}))


def test_labels_come_from_the_config_in_the_order_of_their_ids(folder: Path) -> None:
    change(folder / "config.json", id2label={"10": "c", "9": "b", "0": "a"})

    assert ("a", "b", "c") == ModelFolder.read(folder).labels


@pytest.mark.parametrize(
    ("config", "tokenizer_limit", "expected"),
    [
        ({"model_type": "roberta", "max_position_embeddings": 514, "pad_token_id": 1}, None, 512),
        ({"model_type": "bert", "max_position_embeddings": 512, "pad_token_id": 0}, None, 512),
        ({"model_type": "bert", "max_position_embeddings": 512, "pad_token_id": 0}, 128, 128),
        ({"model_type": "bert", "max_position_embeddings": 512, "pad_token_id": 0}, 10**30, 512),
        ({"model_type": "xlnet", "max_position_embeddings": None}, 10**30, 10**6),
    ],
)
def test_the_longest_input_is_the_lower_of_the_two_limits(
    folder: Path, config: dict[str, Any], tokenizer_limit: int | None, expected: int
) -> None:
    change(folder / "config.json", **config)
    change(folder / "tokenizer_config.json", model_max_length=tokenizer_limit)

    assert expected == ModelFolder.read(folder).max_tokens


@pytest.mark.parametrize("name", sorted({*SERVING_FILES} - {METADATA_FILE}))
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()

    with pytest.raises(ModelFolderError, match=name):
        ModelFolder.read(folder)


def test_a_config_without_labels_is_refused(folder: Path) -> None:
    change(folder / "config.json", id2label=None)

    with pytest.raises(ModelFolderError, match=r"has no labels \(id2label\)"):
        ModelFolder.read(folder)


@pytest.mark.parametrize("content", ["{", "[]"])
def test_a_config_that_is_no_json_object_is_refused(folder: Path, content: str) -> None:
    (folder / "config.json").write_text(content)

    with pytest.raises(ModelFolderError, match=r"config\.json"):
        ModelFolder.read(folder)
