"""The training flow, from tweets to a model in the store."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bentoml
import pytest

pytest.importorskip("torch", reason="the training group is not installed")
pytest.importorskip("nncf", reason="the training group is not installed")

# pylint: disable=wrong-import-position  # only where the training group is installed
import torch
from sklearn.metrics import recall_score
from transformers import AlbertConfig, AlbertForSequenceClassification, AutoTokenizer

from inference.classifier import Classifier
from inference.packing import PackingError
from inference.store import MODEL_NAME, find_model, register_model
from tests.support.base_models import blinded
from tests.support.tweet_data import write_sample
from training.data.dataset import LABELS, load
from training.data.sampling import SizeError, sample_splits
from training.export import precision_selection as precision
from training.files import Files, write_json
from training.finetuning.hyperparameters import (
    NEW_HEAD_HYPERPARAMETERS,
    Hyperparameters,
    select_hyperparameters,
)
from training.lock import run_lock
from training.pipeline import PipelineResult, run
from training.settings import TrainingSettings

LEARNING = {"epochs": 5, "learning_rate": 1e-3, "batch_size": 8}
STANDING_STILL = {"epochs": 1, "learning_rate": 1e-12}
SIZES = (60, 30)

Train = Callable[..., PipelineResult]

pytestmark = [
    pytest.mark.usefixtures("store"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:nncf"),
]


@pytest.fixture(name="files")
def fixture_files(tmp_path: Path) -> Files:
    """Return where the runs of a test write."""
    return Files(tmp_path / "run")


@pytest.fixture(name="_quick")
def fixture_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Export in fp32, which needs no calibration: that takes most of a run."""
    monkeypatch.setattr(precision, "_lower_precisions", lambda: [])


@pytest.fixture(name="train")
def fixture_train(starter: Path, sample_data: Path, tmp_path: Path, files: Files) -> Train:
    """Give a runner of the flow; its base model calls everything negative at first."""
    base = blinded(starter, tmp_path / "blinded")

    def train(**settings: Any) -> PipelineResult:
        given = {
            "dataset": str(sample_data),
            "base_model": str(base),
            "train_size": SIZES[0],
            "eval_size": SIZES[1],
            **settings,
        }
        with run_lock(files) as scratch:
            return run(TrainingSettings(**given), files, scratch)

    return train


def served() -> bentoml.Model | None:
    """Return the model that is served by default."""
    return find_model(bentoml.Tag(MODEL_NAME, None))


def read(path: Path) -> dict[str, Any]:
    """Return the content of a JSON file."""
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def test_a_first_run_that_learns_is_stored_with_its_figures(train, files, sample_data):
    outcome = train(**LEARNING)

    assert outcome.report.decision.promoted
    metrics, best, model = read(files.metrics), read(files.best), served()
    assert metrics["accuracy"] == best["accuracy"] > metrics["base"]["accuracy"]
    assert str(model.tag) == best["model_tag"] == metrics["model_tag"]
    assert metrics["accuracy"] == model.info.metadata["metrics"]["accuracy"]
    assert (60, 30, 42) == tuple(metrics[name] for name in ("train_size", "eval_size", "seed"))
    assert "trained" == model.info.metadata["origin"]
    pictures = ("confusion_matrix.png", "reliability.png", "promotions.png")
    assert all((files.artifacts / name).is_file() for name in pictures)
    # what is served has the accuracy that was written down
    rows = sample_splits(load(str(sample_data)), *SIZES, seed=42).evaluation
    classifier = Classifier.load(Path(model.path))
    found = [classifier.classify([text]).argmax() for text in rows.texts]
    right = sum(classifier.labels[label] == LABELS[true] for label, true in zip(found, rows.labels))
    assert pytest.approx(right / SIZES[1], abs=1e-6) == metrics["accuracy"]


def test_a_model_that_cannot_be_served_is_refused_before_it_is_trained(
    train, starter, tmp_path, monkeypatch
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
        train(base_model=str(tmp_path / "albert"))


@pytest.mark.usefixtures("_quick")
def test_the_same_seed_gives_the_same_rows_and_figures_and_no_improvement(train, files):
    train(**LEARNING)
    first, best = read(files.metrics), read(files.best)
    model = served()

    outcome = train(**LEARNING)

    second = read(files.metrics)
    assert not outcome.report.decision.promoted
    same = ("accuracy", "macro_f1", "expected_calibration_error", "confusion_matrix", "base")
    for name in (*same, "sample_fingerprint", "reliability", "precision"):
        assert first[name] == second[name], name
    assert (best, model.tag) == (read(files.best), served().tag)
    assert second["model_tag"] is None


@pytest.mark.usefixtures("_quick")
def test_another_seed_is_compared_with_the_champion_on_its_own_rows(train, files, sample_data):
    train(**LEARNING)
    champion = Classifier.load(Path(served().path))
    recorded = read(files.best)["accuracy"]

    train(seed=7, **STANDING_STILL)

    rows = sample_splits(load(str(sample_data)), *SIZES, seed=7).evaluation
    right = [
        champion.labels[champion.classify([text]).argmax()] == LABELS[true]
        for text, true in zip(rows.texts, rows.labels)
    ]
    found = read(files.metrics)["champion"]
    assert pytest.approx(sum(right) / SIZES[1], abs=1e-6) == found["accuracy"]
    assert recorded == read(files.best)["accuracy"]


@pytest.mark.usefixtures("_quick")
def test_a_base_model_that_wins_the_first_run_is_served_but_is_no_promotion(train, files, starter):
    outcome = train(base_model=str(starter), **STANDING_STILL)

    assert not outcome.report.decision.promoted
    metrics, best, model = read(files.metrics), read(files.best), served()
    assert "base" == model.info.metadata["origin"]
    assert metrics["base"]["accuracy"] == best["accuracy"]
    assert str(model.tag) == best["model_tag"]
    assert ["base"] == [one["origin"] for one in best["history"]]
    assert not files.releases.exists()


@pytest.mark.usefixtures("_quick")
def test_the_starter_in_the_store_is_no_champion(train, starter, files):
    register_model(starter)

    outcome = train(**LEARNING)

    assert outcome.report.models.champion is None
    assert outcome.report.decision.promoted
    assert "trained" == served().info.metadata["origin"]
    assert read(files.best)["accuracy"] == served().info.metadata["metrics"]["accuracy"]


@pytest.mark.usefixtures("_quick")
def test_a_champion_of_which_only_the_record_is_left_is_compared_with_by_that(train, files):
    files.folder.mkdir()
    files.best.write_text('{"accuracy": 0.99, "timestamp": "2026-01-01T00:00:00Z"}')

    outcome = train(**LEARNING)

    assert not outcome.report.decision.promoted
    assert "0.9900 of the best so far (as recorded" in outcome.report.decision.reason
    assert read(files.metrics)["comparison"] is None
    assert served() is None


@pytest.mark.usefixtures("_quick")
def test_a_record_without_its_model_has_to_be_beaten_beside_the_champion(train, files):
    train(**STANDING_STILL)
    champion = served().tag
    write_json(files.best, read(files.best) | {"accuracy": 0.99, "model_tag": "sentiment:deleted"})

    outcome = train(**LEARNING)

    assert str(champion) in outcome.report.models.champion.display_name
    assert "0.9900 of sentiment:deleted (as recorded" in outcome.report.decision.reason
    assert champion == served().tag


@pytest.mark.usefixtures("_quick")
def test_the_history_goes_on_from_the_record(train, files):
    files.folder.mkdir()
    first = {
        "timestamp": "2026-01-01",
        "model_tag": "sentiment:lost",
        "accuracy": 0.01,
        "origin": "trained",
    }
    write_json(files.best, {"accuracy": 0.01, "timestamp": "2026-01-01", "history": [first]})

    train(**LEARNING)

    best = read(files.best)
    assert first == best["history"][0]
    assert [best["model_tag"]] == [line["model_tag"] for line in best["history"][1:]]


@pytest.mark.usefixtures("_quick")
def test_a_promoted_model_is_judged_on_the_split_test_for_the_record_alone(train, files, tmp_path):
    tweets = write_sample(tmp_path / "with test", has_test=True)

    outcome = train(**LEARNING, dataset=str(tweets))

    test, model = load(str(tweets)).test, served()
    classifier = Classifier.load(Path(model.path))
    found = [classifier.labels[classifier.classify([text]).argmax()] for text in test.texts]
    true = [LABELS[label] for label in test.labels]
    recall = recall_score(true, found, average="macro")
    told = read(files.metrics)["test_split"]
    assert pytest.approx(recall, abs=1e-6) == told["macro_recall"]
    assert (len(test), 150) == (told["rows"], len(test))
    kept = {name: told[name] for name in ("rows", "accuracy", "macro_recall", "macro_f1")}
    assert kept == read(files.best)["test_split"] == dict(model.info.metadata["test_split"])
    assert "against 0." in outcome.report.decision.reason
    again = train(**LEARNING, dataset=str(tweets))  # no promotion, so nothing is reported
    assert (None, None) == (again.report.candidate.test_split, read(files.metrics)["test_split"])


@pytest.mark.usefixtures("_quick")
def test_the_metrics_in_float32_stand_beside_those_of_the_served_form(train, files):
    train(**LEARNING)

    metrics = read(files.metrics)
    assert "fp32" == metrics["precision"]
    assert metrics["accuracy"] == metrics["float32"]["accuracy"]
    assert metrics["confusion_matrix"] == metrics["float32"]["confusion_matrix"]


@pytest.mark.usefixtures("_quick")
def test_how_often_chance_would_promote_stands_beside_the_decision(train, files):
    train(**LEARNING)

    told = read(files.metrics)["decision"]["false_promotion"]
    assert (1, SIZES[1]) == (told["baselines"], told["rows"])  # the untouched base model
    assert 0.3 < told["against_all"] < 0.5


def test_the_recipe_suits_the_base_model_but_for_what_was_asked() -> None:
    assert Hyperparameters() == select_hyperparameters(TrainingSettings(), has_new_head=False)
    assert NEW_HEAD_HYPERPARAMETERS == select_hyperparameters(TrainingSettings(), has_new_head=True)
    asked = {"epochs": 1, "learning_rate": 1e-4, "batch_size": 8, "freeze_ratio": 0}
    assert Hyperparameters(**asked) == select_hyperparameters(
        TrainingSettings(**asked), has_new_head=False
    )


def test_sizes_over_the_split_are_told_before_anything_is_done(train, files):
    with pytest.raises(SizeError, match="TRAIN_SIZE=101"):
        train(train_size=101)

    assert not files.metrics.exists()
    assert served() is None
