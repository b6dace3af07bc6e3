"""Models are registered and found in the Bento store."""

import json
import shutil
from pathlib import Path
from typing import Any

import bentoml
import pytest
from bentoml.exceptions import NotFound

from inference.classifier import Classifier
from inference.model_folder import ModelFolderError
from inference.store import (
    ModelNotFoundError,
    SentimentModelRef,
    find_model,
    new_tag,
    register_model,
)

LATEST = bentoml.Tag("sentiment", "latest")

pytestmark = pytest.mark.usefixtures("store")


@pytest.fixture(name="trained")
def fixture_trained(starter: Path, tmp_path: Path) -> Path:
    """Make a model folder that is not the starter."""
    folder = Path(shutil.copytree(starter, tmp_path / "trained"))
    change_metadata(folder, origin="trained")
    return folder


def change_metadata(folder: Path, **entries: Any) -> None:
    """Change entries of a folder's metadata."""
    path = folder / "metadata.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | entries))


def test_an_empty_store_has_no_model() -> None:
    assert find_model(LATEST) is None
    assert find_model(bentoml.Tag("sentiment", "abc")) is None


def test_a_registered_model_can_be_loaded_from_the_store(starter: Path) -> None:
    model = register_model(starter)

    assert model.tag == SentimentModelRef(LATEST).resolve().tag
    assert (1, 3) == Classifier.load(Path(model.path)).classify(["good"]).shape


def test_the_store_has_the_files_of_serving_without_weights(starter: Path) -> None:
    names = {path.name for path in Path(register_model(starter).path).iterdir()}

    assert "model.safetensors" not in names
    assert {"openvino_model.xml", "openvino_model.bin", "tokenizer.json"} < names


def test_the_store_has_the_weights_if_torch_runs_them(
    starter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("transformers", reason="the training group is not installed")
    monkeypatch.setenv("RUNTIME", "torch")

    model = register_model(starter)

    assert (1, 3) == Classifier.load(Path(model.path), "torch").classify(["good"]).shape


def test_a_folder_without_weights_is_refused_for_torch(
    trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("transformers", reason="the training group is not installed")
    monkeypatch.setenv("RUNTIME", "torch")
    (trained / "model.safetensors").unlink()

    with pytest.raises(ModelFolderError, match=r"it has no model\.safetensors"):
        register_model(trained)

    assert find_model(LATEST) is None


def test_the_store_has_the_metadata(starter: Path) -> None:
    change = json.loads((starter / "metadata.json").read_text())

    metadata = register_model(starter).info.metadata

    assert "starter" == metadata["origin"]
    assert change["metrics"] == metadata["metrics"]


def test_a_folder_without_a_file_is_not_registered(trained: Path) -> None:
    (trained / "openvino_model.bin").unlink()

    with pytest.raises(ModelFolderError, match=r"it has no openvino_model\.bin"):
        register_model(trained)

    assert find_model(LATEST) is None


def test_registering_is_atomic(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copytree, seen = shutil.copytree, []

    def copy_and_look(*arguments: Any, **options: Any) -> Any:
        copied = copytree(*arguments, **options)
        seen.append(find_model(LATEST))
        return copied

    monkeypatch.setattr(shutil, "copytree", copy_and_look)  # as BentoML copies a model

    model = register_model(trained)

    assert [None] == seen
    assert model.tag == find_model(LATEST).tag


def test_a_model_can_be_registered_with_a_given_tag(trained: Path) -> None:
    tag = new_tag()

    model = register_model(trained, tag)

    assert tag == model.tag
    assert tag == bentoml.models.get("sentiment:latest").tag


@pytest.mark.parametrize("tag", ["sentiment", "sentiment:latest"])
def test_the_newest_model_is_served(trained: Path, tag: str) -> None:
    register_model(trained)
    newest = register_model(trained)

    assert newest.tag == SentimentModelRef(tag).resolve().tag


def test_an_older_trained_model_is_served_instead_of_the_starter(
    starter: Path, trained: Path
) -> None:
    trained_model = register_model(trained)
    register_model(starter)

    assert trained_model.tag == SentimentModelRef(LATEST).resolve().tag


def test_an_older_model_is_served_if_model_tag_names_it(trained: Path) -> None:
    older = register_model(trained)
    register_model(trained)

    assert older.tag == SentimentModelRef(str(older.tag)).resolve().tag


def test_a_missing_model_is_an_error_with_the_commands_that_help() -> None:
    with pytest.raises(ModelNotFoundError, match=r"'sentiment:abc'.*`make serve`.*`make model`"):
        SentimentModelRef("sentiment:abc").resolve()


def test_bentoml_prints_that_error_without_a_traceback() -> None:
    assert issubclass(ModelNotFoundError, NotFound)
