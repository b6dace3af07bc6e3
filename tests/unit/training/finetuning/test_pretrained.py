"""Classifiers are loaded with the labels of the dataset, encoders with a new head."""

import json
import shutil

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the training group is not installed")
transformers = pytest.importorskip("transformers", reason="the training group is not installed")

# pylint: disable=wrong-import-position  # only if the training group is installed
from inference.classifier import Classifier
from inference.normalization import normalize
from inference.reference_predictions import SCORE_BOUNDS
from tests.support.base_models import blinded, xlm_roberta
from training.data.label_alignment import LabelMismatchError
from training.export.export import export
from training.finetuning.pretrained import ModelLoadError, load_pretrained


@pytest.fixture(name="folder")
def fixture_folder(starter, tmp_path):
    """Return the folder of a classifier as transformers saves it."""
    return blinded(starter, tmp_path / "tweets")


def change_config(folder, **entries):
    """Change entries of a model's configuration."""
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | entries))


def name_labels(folder, *labels):
    """Give a model's outputs names in its configuration."""
    numbered = dict(enumerate(labels))
    change_config(folder, id2label=numbered, label2id={v: k for k, v in numbered.items()})


def test_a_classifier_is_loaded_in_float32_under_the_name_of_its_folder(folder):
    found = load_pretrained(str(folder), None, seed=0)

    assert ("tweets", (0, 1, 2)) == (found.name, found.class_ids)
    assert torch.float32 == found.model.dtype


def test_labels_are_aligned_and_renamed(folder):
    name_labels(folder, "POS", "Negative", "neu")

    found = load_pretrained(str(folder), None, seed=0)

    assert (1, 2, 0) == found.class_ids
    assert {0: "positive", 1: "negative", 2: "neutral"} == found.model.config.id2label
    assert {"positive": 0, "negative": 1, "neutral": 2} == found.model.config.label2id


def test_labels_without_meaning_are_refused_unless_the_setting_names_them(folder):
    name_labels(folder, "LABEL_0", "LABEL_1", "LABEL_2")

    found = load_pretrained(str(folder), None, 0, labels=("positive", "neutral", "negative"))

    assert (2, 1, 0) == found.class_ids
    assert {0: "positive", 1: "neutral", 2: "negative"} == found.model.config.id2label
    with pytest.raises(
        LabelMismatchError, match=r"has the labels LABEL_0, LABEL_1, LABEL_2.* LABELS="
    ):
        load_pretrained(str(folder), None, seed=0)


def test_a_sentencepiece_model_without_tokenizer_json_is_served_as_in_transformers(
    tmp_path, tweets
):
    base = load_pretrained(str(xlm_roberta(tmp_path / "xlm", tweets)), None, seed=0)
    texts = [*tweets[:20], "typed </s> and <mask>", "no\nblank", "long " * 200]
    encoded = base.tokenizer([normalize(text) for text in texts], truncation=True)
    with torch.no_grad():
        logits = [base.model(torch.tensor([ids])).logits[0] for ids in encoded["input_ids"]]

    export(*base.model_and_tokenizer, tmp_path / "exported", precision="fp32")
    export(*base.model_and_tokenizer, tmp_path / "int8", texts)

    served = Classifier.load(tmp_path / "exported")
    expected = torch.stack(logits).softmax(dim=1).numpy()
    assert ("negative", "neutral", "positive") == served.labels
    assert np.abs(expected - served.classify(texts)).max() <= SCORE_BOUNDS["fp32"]
    assert np.abs(expected - Classifier.load(tmp_path / "int8").classify(texts)).max() <= 0.05


@pytest.fixture(name="encoder")
def fixture_encoder(starter, tmp_path):
    """Return the folder of an encoder without a classification head."""
    config = transformers.AutoConfig.from_pretrained(starter)
    folder = tmp_path / "encoder"
    transformers.AutoModelForMaskedLM.from_config(config).save_pretrained(folder)
    change_config(folder, id2label=None, label2id=None)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(starter / name, folder / name)
    return folder


def test_an_encoder_gets_a_new_head_initialized_by_the_seed(encoder):
    one, same, other = (load_pretrained(str(encoder), None, seed) for seed in (1, 1, 2))

    assert {0: "negative", 1: "neutral", 2: "positive"} == one.model.config.id2label
    assert one.has_new_head
    weights = [found.model.classifier.out_proj.weight for found in (one, same, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "config.json"])
def test_a_damaged_file_is_an_error_that_names_the_settings(folder, name):
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(whole[: len(whole) // 2])

    with pytest.raises(ModelLoadError, match=r"HF_REPO_ID or BASE_MODEL"):
        load_pretrained(str(folder), None, seed=0)


def test_a_folder_without_a_model_is_an_error_that_names_the_settings(tmp_path):
    with pytest.raises(ModelLoadError, match=r"HF_REPO_ID or BASE_MODEL.*HF_TOKEN"):
        load_pretrained(str(tmp_path), None, seed=0)
