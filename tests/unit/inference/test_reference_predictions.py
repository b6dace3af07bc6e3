"""Reference predictions are read from a model's metadata, or refused."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inference.model_folder import ModelFolder, ModelFolderError
from inference.reference_predictions import METADATA_KEY, REFERENCE_TEXTS, ReferencePredictions

STORED = {"texts": ["a", "b"], "probabilities": [[0.1, 0.2, 0.7], [0.3, 0.3, 0.4]], "bound": 0.01}


def folder_with(starter: Path, target: Path, metadata: Any) -> ModelFolder:
    """Copy the starter with other metadata."""
    shutil.copytree(starter, target)
    (target / "metadata.json").write_text(json.dumps(metadata), encoding="utf-8")
    return ModelFolder.read(target)


def test_stored_predictions_can_be_read(starter: Path, tmp_path: Path) -> None:
    probabilities = np.array([[0.1, 0.2, 0.7], [1 / 3, 1 / 3, 1 / 3]])
    made = ReferencePredictions.of(["a", "b"], probabilities, 0.02)

    found = ReferencePredictions.read(folder_with(starter, tmp_path / "model", made.to_metadata()))

    assert made == found
    elsewhere = probabilities.copy()
    elsewhere[1, 2] = 0.4
    assert pytest.approx(0.4 - 1 / 3, abs=1e-6) == made.max_difference(elsewhere)


def test_a_model_of_an_earlier_version_has_no_references(starter: Path, tmp_path: Path) -> None:
    assert (
        ReferencePredictions.read(folder_with(starter, tmp_path / "model", {"origin": "trained"}))
        is None
    )


@pytest.mark.parametrize(
    "damage",
    [
        {"texts": ["a"]},
        {"texts": [], "probabilities": []},
        {"probabilities": [[0.1, 0.9], [0.5, 0.5]]},
        {"probabilities": [[0.1, 0.2, 0.7], ["x", 0.3, 0.4]]},
        {"bound": None},
    ],
)
def test_invalid_metadata_is_refused(starter: Path, tmp_path: Path, damage: dict[str, Any]) -> None:
    folder = folder_with(starter, tmp_path / "model", {METADATA_KEY: STORED | damage})

    with pytest.raises(ModelFolderError, match=r"'self_check' in its metadata\.json"):
        ReferencePredictions.read(folder)


def test_the_reference_texts_fit_into_one_pass(starter: Path) -> None:
    found = ReferencePredictions.read(ModelFolder.read(starter))

    assert found is not None
    assert REFERENCE_TEXTS == found.texts
    assert 20 == len(set(REFERENCE_TEXTS))
    assert max(map(len, REFERENCE_TEXTS)) < 64
