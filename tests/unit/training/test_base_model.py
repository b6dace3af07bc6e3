"""Training starts from a classifier, or from an encoder that gets one."""

import json
import shutil

import pytest

torch = pytest.importorskip("torch", reason="the training group is not installed")
transformers = pytest.importorskip("transformers", reason="the training group is not installed")

# pylint: disable=wrong-import-position  # only where the training group is installed
from tests.base_models import blinded
from training.base_model import BaseModelError, load_base
from training.labels import LabelsError


@pytest.fixture(name="folder")
def fixture_folder(starter, tmp_path):
    """Return the folder of a classifier as transformers saves it."""
    return blinded(starter, tmp_path / "tweets")


def change_config(folder, **entries):
    """Change entries of a model's configuration."""
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | entries))


def test_a_classifier_is_loaded_in_float32_under_the_name_of_its_folder(folder):
    found = load_base(str(folder), None, seed=0)

    assert ("tweets", (0, 1, 2)) == (found.name, found.class_ids)
    assert torch.float32 == found.model.dtype


def test_labels_are_matched_by_name_and_not_by_position(folder):
    change_config(
        folder,
        id2label={"0": "Positive", "1": "negative", "2": "neutral"},
        label2id={"Positive": 0, "negative": 1, "neutral": 2},
    )

    assert (1, 2, 0) == load_base(str(folder), None, seed=0).class_ids


def test_other_labels_are_an_error(folder):
    change_config(
        folder,
        id2label={"0": "LABEL_0", "1": "LABEL_1", "2": "LABEL_2"},
        label2id={"LABEL_0": 0, "LABEL_1": 1, "LABEL_2": 2},
    )

    with pytest.raises(LabelsError, match="has the labels LABEL_0, LABEL_1, LABEL_2"):
        load_base(str(folder), None, seed=0)


@pytest.fixture(name="encoder")
def fixture_encoder(starter, tmp_path):
    """Return the folder of an encoder without a classifier."""
    config = transformers.AutoConfig.from_pretrained(starter)
    folder = tmp_path / "encoder"
    transformers.AutoModelForMaskedLM.from_config(config).save_pretrained(folder)
    change_config(folder, id2label=None, label2id=None)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(starter / name, folder / name)
    return folder


def test_an_encoder_gets_a_classifier_drawn_by_the_seed(encoder):
    one, same, other = (load_base(str(encoder), None, seed) for seed in (1, 1, 2))

    assert {0: "negative", 1: "neutral", 2: "positive"} == one.model.config.id2label
    weights = [found.model.classifier.out_proj.weight for found in (one, same, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "config.json"])
def test_a_damaged_file_is_an_error_that_names_the_settings(folder, name):
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(whole[: len(whole) // 2])

    with pytest.raises(BaseModelError, match=r"HF_REPO_ID or BASE_MODEL"):
        load_base(str(folder), None, seed=0)


def test_a_folder_without_a_model_is_an_error_that_names_the_settings(tmp_path):
    with pytest.raises(BaseModelError, match=r"HF_REPO_ID or BASE_MODEL.*HF_TOKEN"):
        load_base(str(tmp_path), None, seed=0)
