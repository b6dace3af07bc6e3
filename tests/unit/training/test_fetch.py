"""A fetched model is registered in the Bento store, with the labels of the dataset."""

import json
import shutil
from functools import partial
from pathlib import Path

import bentoml
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the training group is not installed")
transformers = pytest.importorskip("transformers", reason="the training group is not installed")
pytest.importorskip("nncf", reason="the training group is not installed")

# pylint: disable=wrong-import-position  # only if the training group is installed
from inference.classifier import Classifier
from inference.normalization import normalize
from inference.reference_predictions import SCORE_BOUNDS
from inference.store import list_models, register_model, served_files
from tests.support.base_models import xlm_roberta
from tests.support.hub import Hub
from tests.support.hub.client import keep_client_to
from training import fetch as command
from training.data.dataset import DatasetError
from training.data.label_alignment import LabelMismatchError
from training.export.verification import MAX_DEVIATIONS
from training.fetch import fetch
from training.files import Files, write_json
from training.finetuning.pretrained import ModelLoadError
from training.hub.repository import HubRepository
from training.lock import run_lock
from training.promotion.champion_record import ChampionRecord
from training.settings import TrainingSettings

pytestmark = pytest.mark.usefixtures("store")
SIZES = {"train_size": 60, "eval_size": 50}


@pytest.fixture(name="no_tweets")
def fixture_no_tweets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the default dataset unavailable, as on a machine without the Hub."""

    def load(source: str, _token: str | None, _revision: str | None) -> None:
        raise DatasetError(source, "the Hub cannot be reached")

    monkeypatch.setattr(command, "load", load)
    monkeypatch.delenv("DATASET", raising=False)


def settings(starter: Path, **others: object) -> TrainingSettings:
    """Return settings that fetch the starter from its folder."""
    return TrainingSettings(base_model=str(starter), **SIZES, **others)


def test_int8_is_selected_on_labelled_tweets(starter: Path, sample_data: Path) -> None:
    stored = fetch(settings(starter, dataset=str(sample_data)))

    metadata = stored.info.metadata
    assert ("fetched", "int8", 50) == tuple(
        metadata[name] for name in ("origin", "precision", "eval_size")
    )
    assert 0.5 < metadata["metrics"]["accuracy"] <= 1
    assert "starter" == metadata["base_model"]


def transformers_probabilities(folder: Path, texts: list[str]) -> np.ndarray:
    """Return what transformers gives in float32, all texts padded to one batch."""
    model = transformers.AutoModelForSequenceClassification.from_pretrained(
        folder, dtype=torch.float32
    )
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    encoded = tokenizer(
        [normalize(text) for text in texts], padding=True, truncation=True, return_tensors="pt"
    )
    with torch.no_grad():
        return model(**encoded).logits.softmax(dim=1).numpy()


@pytest.mark.usefixtures("no_tweets")
@pytest.mark.slow
def test_without_labelled_tweets_int8_is_selected_by_its_agreement_with_fp32(
    starter: Path, tweets: list[str]
) -> None:
    stored = fetch(settings(starter))

    metadata, classifier = stored.info.metadata, Classifier.load(Path(stored.path))
    assert ("fetched", "int8") == (metadata["origin"], metadata["precision"])
    assert "of 150 unlabelled sample texts" in metadata["precision_reason"]
    together = classifier.classify(tweets)
    expected = transformers_probabilities(starter, tweets[:40])
    assert np.abs(expected - together[:40]).max() <= MAX_DEVIATIONS["int8"]
    alone = np.concatenate([classifier.classify([text]) for text in tweets])
    assert np.abs(together - alone).max() <= SCORE_BOUNDS["fp32"]
    assert together.argmax(axis=1).tolist() == alone.argmax(axis=1).tolist()


@pytest.mark.usefixtures("no_tweets")
@pytest.mark.slow
def test_for_torch_a_model_is_fetched_with_its_weights(
    starter: Path, tweets: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNTIME", "torch")

    path = Path(fetch(settings(starter)).path)

    by_torch = Classifier.load(path, "torch").classify(tweets)
    by_openvino = Classifier.load(path, "openvino").classify(tweets)
    assert (
        np.abs(by_torch - transformers_probabilities(starter, tweets)).max() <= SCORE_BOUNDS["fp32"]
    )
    assert np.abs(by_torch - by_openvino).max() <= MAX_DEVIATIONS["int8"]


def test_a_dataset_that_the_settings_name_must_exist(starter: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="DATASET="):
        fetch(settings(starter, dataset=str(tmp_path / "nowhere")))


def test_a_folder_without_a_model_is_an_error_that_names_the_settings(tmp_path: Path) -> None:
    with pytest.raises(ModelLoadError, match=r"HF_REPO_ID or BASE_MODEL.*HF_TOKEN"):
        fetch(settings(tmp_path))


def test_an_encoder_without_a_classifier_is_refused(starter: Path, tmp_path: Path) -> None:
    config = transformers.AutoConfig.from_pretrained(starter)
    transformers.AutoModel.from_config(config).save_pretrained(tmp_path)
    transformers.AutoTokenizer.from_pretrained(starter).save_pretrained(tmp_path)

    with pytest.raises(ModelLoadError, match="encoder without a classifier"):
        fetch(settings(tmp_path))

    assert not list_models()


@pytest.mark.usefixtures("no_tweets")
def test_the_command_fetches_what_the_settings_name(
    starter: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_REPO_ID", "")
    monkeypatch.setenv("BASE_MODEL", str(starter))

    status = command.main()

    printed = capsys.readouterr().out
    assert 0 == status
    assert printed.startswith(f"Fetching {starter}\n")
    assert "\nRegistered sentiment:" in printed


def test_the_command_prints_an_error_without_a_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_REPO_ID", str(tmp_path))

    status = command.main()

    assert 1 == status
    assert capsys.readouterr().err.startswith(f"no model could be loaded from '{tmp_path}'")


def test_the_command_is_refused_while_a_training_runs(
    starter: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BASE_MODEL", str(starter))

    with run_lock(Files()):
        status = command.main()

    assert 1 == status
    assert capsys.readouterr().err.startswith("another training, fetch, publication or rollback")
    assert not list_models()


@pytest.mark.usefixtures("no_tweets")
@pytest.mark.slow
def test_an_interrupted_promotion_is_completed_before_the_fetch(
    starter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BASE_MODEL", str(starter))
    interrupted = register_model(starter)
    best = ChampionRecord(0.8, "2026-01-01T00:00:00+00:00", str(interrupted.tag), (), {})
    write_json(Files().pending_promotion, best.to_dict())

    status = command.main()

    assert 0 == status
    assert not Files().pending_promotion.exists()
    assert str(interrupted.tag) == getattr(ChampionRecord.read(Files().best), "model_tag", None)
    (fetched,) = {model.tag for model in list_models()} - {interrupted.tag}
    assert fetched == bentoml.models.get("sentiment:latest").tag


@pytest.fixture(name="base")
def fixture_base(starter: Path, tmp_path: Path) -> Path:
    """Copy the starter, to change its labels."""
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


def test_labels_without_a_meaning_are_replaced_by_those_of_the_setting(
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
def test_labels_of_an_exported_model_on_the_hub_are_replaced_too(
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
