"""A tiny starter is trained, from tweets to a folder."""

import json
import shutil
from random import Random

import pytest

pytest.importorskip("torch", reason="the training group is not installed")
pytest.importorskip("transformers", reason="the training group is not installed")
pytest.importorskip("nncf", reason="the training group is not installed")

# pylint: disable=wrong-import-position  # only if the training group is installed
from safetensors.torch import load_file

from inference.classifier import Classifier
from training.data.dataset import LABELS, Dataset, Tweets
from training.starter.build import build, export_again
from training.starter.hyperparameters import StarterHyperparameters, TrainingStage

TINY = StarterHyperparameters(
    calibration_size=20,
    vocabulary_size=320,
    max_length=32,
    hidden_size=32,
    layers=1,
    heads=2,
    pretraining=TrainingStage(epochs=1, learning_rate=1e-3, batch_size=16),
    teacher_folds=2,
    finetuning=TrainingStage(epochs=12, learning_rate=3e-3, batch_size=16),
)
WORDS = (("awful", "sad", "hate"), ("tuesday", "the bus", "report"), ("lovely", "great", "love"))


def synthetic_tweets(rows: int, seed: int) -> Tweets:
    """Return tweets with a word that determines the label."""
    rng = Random(seed)
    labels = tuple(rng.randrange(3) for _ in range(rows))
    texts = tuple(
        f"@user{rng.randrange(9)} it is {rng.choice(WORDS[label])} today, "
        f"{rng.choice(('ok', 'well', 'so'))} http://t.co/{rng.randrange(9)}"
        for label in labels
    )
    return Tweets(texts, labels)


@pytest.fixture(name="dataset", scope="module")
def fixture_dataset():
    """Return tweets that are easy to classify."""
    return Dataset("synthetic", synthetic_tweets(200, seed=1), synthetic_tweets(40, seed=2))


@pytest.fixture(name="built", scope="module")
def fixture_built(dataset, tmp_path_factory):
    """Train once; return the report and the folder."""
    folder = tmp_path_factory.mktemp("starter")
    return build(dataset, TINY, 3, folder), folder


def test_the_starter_learns(built):
    report, _ = built

    assert 0.9 <= report.int8.accuracy


def test_the_folder_has_all_forms_metadata_and_card(built):
    _, folder = built

    assert {
        "README.md",
        "config.json",
        "metadata.json",
        "model.safetensors",
        "openvino_model.bin",
        "openvino_model.xml",
        "tokenizer.json",
        "tokenizer_config.json",
    } == {path.name for path in folder.iterdir()}


def test_the_metrics_are_those_of_the_served_form(built, dataset):
    report, folder = built

    found = Classifier.load(folder).classify(dataset.evaluation.texts).argmax(axis=1)

    right = (found == dataset.evaluation.labels).mean()
    assert right == report.int8.accuracy
    assert right == json.loads((folder / "metadata.json").read_text())["metrics"]["accuracy"]


def test_the_metadata_have_the_models_origin(built, dataset):
    _, folder = built

    found = json.loads((folder / "metadata.json").read_text())

    assert ("starter", None, "int8") == tuple(
        found[key] for key in ("origin", "base_model", "precision")
    )
    assert ("synthetic", dataset.fingerprint) == (found["dataset"], found["dataset_fingerprint"])
    assert (200, 40, 3) == (found["train_size"], found["eval_size"], found["seed"])
    assert LABELS == tuple(key.removeprefix("f1_") for key in found["metrics"] if "f1_" in key[:3])


def test_the_same_seed_gives_the_same_weights(built, dataset, tmp_path):
    _, folder = built

    build(dataset, TINY, 3, tmp_path)

    first, second = (load_file(path / "model.safetensors") for path in (folder, tmp_path))
    assert first.keys() == second.keys()
    assert all((second[name] == weights).all() for name, weights in first.items())


def test_exporting_again_changes_no_file(built, dataset, tmp_path):
    report, folder = built
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    kept = ("README.md", "config.json", "model.safetensors", "tokenizer_config.json")

    found = export_again(dataset, TINY, 3, tmp_path)

    assert report == found
    for name in (*kept, "metadata.json", "tokenizer.json"):
        assert (folder / name).read_bytes() == (tmp_path / name).read_bytes(), name
