"""The starter's recipe runs from tweets to a folder, on a tiny scale."""

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

RECIPE = StarterHyperparameters(
    calibration_size=20,
    vocabulary_size=320,
    max_length=32,
    hidden_size=32,
    layers=1,
    heads=2,
    pretraining=TrainingStage(epochs=1, rate=1e-3, batch=16),
    teacher_folds=2,
    finetuning=TrainingStage(epochs=12, rate=3e-3, batch=16),
)
WORDS = (("awful", "sad", "hate"), ("tuesday", "the bus", "report"), ("lovely", "great", "love"))


def made_up_tweets(rows: int, seed: int) -> Tweets:
    """Return tweets whose label shows in one of their words."""
    chance = Random(seed)
    labels = tuple(chance.randrange(3) for _ in range(rows))
    texts = tuple(
        f"@user{chance.randrange(9)} it is {chance.choice(WORDS[label])} today, "
        f"{chance.choice(('ok', 'well', 'so'))} http://t.co/{chance.randrange(9)}"
        for label in labels
    )
    return Tweets(texts, labels)


@pytest.fixture(name="dataset", scope="module")
def fixture_dataset():
    """Give made-up tweets that are easy to tell apart."""
    return Dataset("made-up", made_up_tweets(200, seed=1), made_up_tweets(40, seed=2))


@pytest.fixture(name="built", scope="module")
def fixture_built(dataset, tmp_path_factory):
    """Give the facts and the folder of one run of a tiny recipe."""
    folder = tmp_path_factory.mktemp("starter")
    return build(dataset, RECIPE, 3, folder), folder


def test_the_recipe_learns_what_there_is_to_learn(built):
    facts, _ = built

    assert 0.9 <= facts.int8.accuracy


def test_the_folder_holds_all_forms_the_facts_and_the_card(built):
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


def test_the_figures_are_those_of_the_served_form(built, dataset):
    facts, folder = built

    found = Classifier.load(folder).classify(dataset.evaluation.texts).argmax(axis=1)

    right = (found == dataset.evaluation.labels).mean()
    assert right == facts.int8.accuracy
    assert right == json.loads((folder / "metadata.json").read_text())["metrics"]["accuracy"]


def test_the_metadata_tells_where_the_model_came_from(built, dataset):
    _, folder = built

    found = json.loads((folder / "metadata.json").read_text())

    assert ("starter", None, "int8") == tuple(
        found[key] for key in ("origin", "base_model", "precision")
    )
    assert ("made-up", dataset.fingerprint) == (found["dataset"], found["dataset_fingerprint"])
    assert (200, 40, 3) == (found["train_size"], found["eval_size"], found["seed"])
    assert LABELS == tuple(key.removeprefix("f1_") for key in found["metrics"] if "f1_" in key[:3])


def test_the_same_seed_gives_the_same_weights(built, dataset, tmp_path):
    _, folder = built

    build(dataset, RECIPE, 3, tmp_path)

    first, second = (load_file(path / "model.safetensors") for path in (folder, tmp_path))
    assert first.keys() == second.keys()
    assert all((second[name] == weights).all() for name, weights in first.items())


def test_exporting_again_changes_nothing_that_was_trained(built, dataset, tmp_path):
    facts, folder = built
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    kept = ("README.md", "config.json", "model.safetensors", "tokenizer_config.json")

    found = export_again(dataset, RECIPE, 3, tmp_path)

    assert facts == found
    for name in (*kept, "metadata.json", "tokenizer.json"):
        assert (folder / name).read_bytes() == (tmp_path / name).read_bytes(), name
