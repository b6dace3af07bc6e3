"""The training pipeline, from tweets to a model in the store."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import bentoml
import pytest

pytest.importorskip("torch", reason="the training group is not installed")
pytest.importorskip("nncf", reason="the training group is not installed")

# pylint: disable=wrong-import-position  # only if the training group is installed
import torch
from sklearn.metrics import recall_score
from transformers import AlbertConfig, AlbertForSequenceClassification, AutoTokenizer

from inference.classifier import Classifier
from inference.packing import PackingError
from inference.store import MODEL_NAME, find_model, register_model
from tests.support.base_models import blinded
from tests.support.model_store import model_store
from tests.support.training_machine import LEARNING, NO_LEARNING
from tests.support.tweet_data import write_sample
from training.data.dataset import LABELS, Tweets, load
from training.data.sampling import SizeError, sample_splits
from training.export import precision_selection
from training.files import Files
from training.lock import run_lock
from training.pipeline import PipelineResult, run
from training.settings import TrainingSettings

SIZES = {"train_size": 60, "eval_size": 30}

Train = Callable[..., PipelineResult]

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:nncf")


@pytest.fixture(name="data", scope="module")
def fixture_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the repository's own tweets as a dataset with the splits train, validation and test."""
    return write_sample(tmp_path_factory.mktemp("data") / "tweets", has_test=True)


@pytest.fixture(name="base", scope="module")
def fixture_base(starter: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a base model that calls everything negative at first."""
    return blinded(starter, tmp_path_factory.mktemp("base") / "blinded")


@pytest.fixture(name="first_run", scope="module")
def fixture_first_run(
    starter: Path, data: Path, base: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Return the folder of a first run that promotes, with the starter in the store."""
    folder = tmp_path_factory.mktemp("first")
    with pytest.MonkeyPatch.context() as monkeypatch, model_store(folder):
        monkeypatch.setattr(precision_selection, "_lower_precisions", lambda: [])
        monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", folder / "cache")
        register_model(starter)
        result = train_in(folder, dataset=str(data), base_model=str(base), **LEARNING)
    assert result.report.decision.promoted
    return folder


@pytest.fixture(name="first")
def fixture_first(first_run: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Files]:
    """Return the files of that run, with its store in use."""
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", first_run / "cache")
    with model_store(first_run):
        yield Files(first_run)


@pytest.fixture(name="again")
def fixture_again(
    first_run: Path, data: Path, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Train]:
    """Return a function that trains in a copy of that folder, in fp32 to save the calibration."""
    monkeypatch.setattr(precision_selection, "_lower_precisions", lambda: [])
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", first_run / "cache")
    shutil.copytree(first_run, tmp_path, dirs_exist_ok=True)

    with model_store(tmp_path):
        yield lambda **settings: train_in(
            tmp_path, **{"dataset": str(data), "base_model": str(base), **settings}
        )


def train_in(folder: Path, **settings: Any) -> PipelineResult:
    """Run the pipeline in a folder."""
    given = {name.lower(): value for name, value in settings.items()}
    with run_lock(files := Files(folder)) as scratch:
        return run(TrainingSettings(**SIZES, **given), files, scratch)


def served() -> bentoml.Model:
    """Return the model that is served by default."""
    model = find_model(bentoml.Tag(MODEL_NAME, None))
    assert model is not None
    return model


def read(path: Path) -> dict[str, Any]:
    """Return the content of a JSON file."""
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def predicted(model: bentoml.Model, tweets: Tweets) -> list[str]:
    """Return the labels that a model of the store predicts."""
    classifier = Classifier.load(Path(model.path))
    return [classifier.labels[classifier.classify([text]).argmax()] for text in tweets.texts]


def accuracy(model: bentoml.Model, tweets: Tweets) -> float:
    """Return a model's accuracy on tweets."""
    labels = [LABELS[label] for label in tweets.labels]
    return sum(map(str.__eq__, predicted(model, tweets), labels)) / len(labels)


def test_a_promoted_model_is_registered_with_its_metrics(first, data):
    metrics, best, model = read(first.metrics), read(first.best), served()

    assert metrics["accuracy"] == best["accuracy"] > metrics["base"]["accuracy"]
    assert str(model.tag) == best["model_tag"] == metrics["model_tag"]
    assert metrics["accuracy"] == model.info.metadata["metrics"]["accuracy"]
    assert (60, 30, 42) == tuple(metrics[name] for name in ("train_size", "eval_size", "seed"))
    assert "trained" == model.info.metadata["origin"]
    plots = ("confusion_matrix.png", "reliability.png", "promotions.png")
    assert all((first.artifacts / name).is_file() for name in plots)
    rows = sample_splits(load(str(data)), *SIZES.values(), seed=42).evaluation
    assert pytest.approx(accuracy(model, rows), abs=1e-6) == metrics["accuracy"]


def test_the_starter_in_the_store_is_no_champion(first):
    metrics = read(first.metrics)

    assert metrics["champion"] is None
    chance = metrics["decision"]["false_promotion"]
    assert (1, 30) == (chance["baselines"], chance["rows"])
    assert 0.3 < chance["against_all"] < 0.5


def test_the_metrics_in_float32_are_reported_beside_those_of_the_served_form(first):
    metrics = read(first.metrics)

    assert "fp32" == metrics["precision"]
    for name in ("accuracy", "confusion_matrix"):
        assert metrics[name] == metrics["float32"][name]


def test_a_promoted_model_is_evaluated_on_the_split_test_for_reports(first, data):
    test = load(str(data)).test
    labels = [LABELS[label] for label in test.labels]

    found = read(first.metrics)["test_split"]

    recall = recall_score(labels, predicted(served(), test), average="macro")
    assert (150, pytest.approx(recall, abs=1e-6)) == (found["rows"], found["macro_recall"])
    kept = {name: found[name] for name in ("rows", "accuracy", "macro_recall", "macro_f1")}
    assert kept == read(first.best)["test_split"] == dict(served().info.metadata["test_split"])


def test_the_same_seed_gives_the_same_model_and_metrics_and_no_promotion(again, tmp_path):
    files, model = Files(tmp_path), served()
    before, best = read(files.metrics), read(files.best)

    result = again(**LEARNING)

    after = read(files.metrics)
    assert not result.report.decision.promoted
    assert before["training"]["weights"] == after["training"]["weights"]
    same = ("accuracy", "macro_f1", "expected_calibration_error", "confusion_matrix", "base")
    for name in (*same, "sample_fingerprint", "reliability", "precision"):
        assert before[name] == after[name], name
    assert (best, model.tag) == (read(files.best), served().tag)
    assert (None, None) == (after["model_tag"], after["test_split"])


def test_another_seed_evaluates_the_champion_on_its_own_rows(again, data, tmp_path):
    champion, recorded = served(), read(Files(tmp_path).best)["accuracy"]

    again(seed=7, **NO_LEARNING)

    rows = sample_splits(load(str(data)), *SIZES.values(), seed=7).evaluation
    found = read(Files(tmp_path).metrics)["champion"]
    assert pytest.approx(accuracy(champion, rows), abs=1e-6) == found["accuracy"]
    assert recorded == read(Files(tmp_path).best)["accuracy"]


def test_a_base_model_that_wins_the_first_run_is_served_without_a_promotion(
    again, starter, tmp_path
):
    shutil.rmtree(tmp_path / "models" / "sentiment")
    Files(tmp_path).best.unlink()

    result = again(base_model=str(starter), **NO_LEARNING)

    assert not result.report.decision.promoted
    metrics, best = read(Files(tmp_path).metrics), read(Files(tmp_path).best)
    assert "base" == served().info.metadata["origin"]
    assert metrics["base"]["accuracy"] == best["accuracy"]
    assert str(served().tag) == best["model_tag"]
    assert ["base"] == [one["origin"] for one in best["history"]]
    assert not Files(tmp_path).releases.exists()


@pytest.mark.slow
def test_a_champion_of_which_only_the_record_is_left_has_to_be_beaten(again, tmp_path):
    shutil.rmtree(tmp_path / "models" / "sentiment")
    Files(tmp_path).best.write_text('{"accuracy": 0.99, "timestamp": "2026-01-01T00:00:00Z"}')

    result = again(**LEARNING)

    assert not result.report.decision.promoted
    assert "0.9900 of the best so far (as recorded" in result.report.decision.reason
    assert read(Files(tmp_path).metrics)["comparison"] is None
    assert find_model(bentoml.Tag(MODEL_NAME, None)) is None


@pytest.mark.slow
def test_a_promotion_continues_the_history_of_the_record(again, tmp_path):
    shutil.rmtree(tmp_path / "models" / "sentiment")
    time = "2026-01-01T00:00:00Z"
    lost = {"timestamp": time, "model_tag": "sentiment:lost", "accuracy": 0.01, "origin": "trained"}
    record = {"accuracy": 0.01, "timestamp": time, "history": [lost]}
    Files(tmp_path).best.write_text(json.dumps(record))

    result = again(**LEARNING)

    assert result.report.decision.promoted
    first, second = read(Files(tmp_path).best)["history"]
    assert (lost, str(served().tag)) == (first, second["model_tag"])


def test_a_model_that_cannot_be_served_is_refused_before_it_is_trained(
    again, starter, tmp_path, monkeypatch
):
    torch.manual_seed(0)
    tiny = AlbertConfig(  # pylint: disable=unexpected-keyword-arg  # a dataclass by inheritance
        hidden_size=32,
        num_attention_heads=2,
        intermediate_size=64,
        id2label=dict(enumerate(LABELS)),
    )
    AlbertForSequenceClassification(tiny).save_pretrained(tmp_path / "albert")
    AutoTokenizer.from_pretrained(starter).save_pretrained(tmp_path / "albert")
    monkeypatch.setattr("training.pipeline.fine_tune", pytest.fail)

    with pytest.raises(PackingError, match="AlbertForSequenceClassification cannot be served"):
        again(base_model=str(tmp_path / "albert"))


def test_a_size_over_the_split_is_refused_before_anything_is_done(again, tmp_path, monkeypatch):
    monkeypatch.setitem(SIZES, "train_size", 101)
    before = served().tag, read(Files(tmp_path).metrics)

    with pytest.raises(SizeError, match="TRAIN_SIZE=101"):
        again()

    assert before == (served().tag, read(Files(tmp_path).metrics))
