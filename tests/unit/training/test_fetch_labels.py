"""A fetched model answers with the names of the classes, whatever its own labels are."""

import json
import shutil
from functools import partial
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the training group is not installed")
pytest.importorskip("nncf", reason="the training group is not installed")

# pylint: disable=wrong-import-position  # only where the training group is installed
from inference.classifier import Classifier
from inference.store import served_files
from tests.support.base_models import xlm_roberta
from tests.support.hub import Hub
from tests.support.hub.client import keep_client_to
from training import fetch as command
from training.data.label_alignment import LabelMismatchError
from training.fetch import fetch
from training.hub.repository import HubRepository
from training.settings import TrainingSettings

pytestmark = pytest.mark.usefixtures("store")
SIZES = {"train_size": 60, "eval_size": 50}


@pytest.fixture(name="base")
def fixture_base(starter: Path, tmp_path: Path) -> Path:
    """Copy the starter, to be given other labels."""
    return Path(shutil.copytree(starter, tmp_path / "base"))


def name_labels(folder: Path, *labels: str) -> None:
    """Give a model's outputs names in its configuration."""
    path = folder / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    numbers = {label: number for number, label in enumerate(labels)}
    names = {"id2label": dict(enumerate(labels)), "label2id": numbers}
    path.write_text(json.dumps(config | names), encoding="utf-8")


def test_a_model_of_sentencepiece_without_tokenizer_json_is_fetched(
    sample_data: Path, tweets: list[str], tmp_path: Path
) -> None:
    base = xlm_roberta(tmp_path / "xlm", tweets, ("Negative", "Neutral", "Positive"))

    stored = fetch(TrainingSettings(base_model=str(base), dataset=str(sample_data), **SIZES))

    served = Classifier.load(Path(stored.path))
    assert ("negative", "neutral", "positive") == served.labels
    assert (2, 3) == served.classify(["a </s> typed", "long " * 500]).shape


def test_labels_that_say_nothing_are_replaced_by_those_of_the_setting(
    base: Path, sample_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name_labels(base, "LABEL_0", "LABEL_1", "LABEL_2")
    settings = {"base_model": str(base), "dataset": str(sample_data), **SIZES}
    with pytest.raises(
        LabelMismatchError, match=r"has the labels LABEL_0, LABEL_1, LABEL_2.* LABELS="
    ):
        fetch(TrainingSettings(**settings))
    monkeypatch.setenv("LABELS", "positive,neutral,negative")

    stored = fetch(TrainingSettings(**settings))

    assert ("positive", "neutral", "negative") == Classifier.load(Path(stored.path)).labels


@pytest.mark.parametrize("labels", [("NEG", "NEU", "POS"), ("LABEL_0", "LABEL_1", "LABEL_2")])
def test_so_are_those_of_an_exported_model_on_the_hub(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, labels: tuple[str, ...]
) -> None:
    name_labels(base, *labels)
    if labels[0] == "LABEL_0":
        monkeypatch.setenv("LABELS", "negative,neutral,positive")
    with Hub() as hub:
        keep_client_to(tmp_path / "huggingface", monkeypatch)
        monkeypatch.setattr(command, "HubRepository", partial(HubRepository, endpoint=hub.url))
        hub.create("someone/tweets")
        hub.commit("someone/tweets", {name: (base / name).read_bytes() for name in served_files()})
        stored = fetch(TrainingSettings(hf_repo_id="someone/tweets", **SIZES))

    assert ("negative", "neutral", "positive") == Classifier.load(Path(stored.path)).labels
