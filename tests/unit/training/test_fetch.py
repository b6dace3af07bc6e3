"""A trained model gets into the Bento store; tests with a Hub are in the integration ring."""

from pathlib import Path

import bentoml
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the training group is not installed")
transformers = pytest.importorskip("transformers", reason="the training group is not installed")
pytest.importorskip("nncf", reason="the training group is not installed")

# pylint: disable=wrong-import-position  # only where the training group is installed
from inference.classifier import Classifier
from inference.normalization import normalize
from inference.reference_predictions import SCORE_BOUNDS
from inference.store import list_models, register_model
from training import fetch as command
from training.data.dataset import DatasetError
from training.export.verification import MAX_DEVIATIONS
from training.fetch import fetch
from training.files import Files, write_json
from training.finetuning.pretrained import ModelLoadError
from training.lock import run_lock
from training.promotion.champion_record import ChampionRecord
from training.settings import TrainingSettings

pytestmark = pytest.mark.usefixtures("store")
SIZES = {"train_size": 60, "eval_size": 50}


@pytest.fixture(name="no_tweets")
def fixture_no_tweets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the data set that nobody chose be away, as on a machine without the Hub."""

    def load(source: str, _token: str | None, _revision: str | None) -> None:
        raise DatasetError(source, "the Hub cannot be reached")

    monkeypatch.setattr(command, "load", load)
    monkeypatch.delenv("DATASET", raising=False)


def settings(starter: Path, **others: object) -> TrainingSettings:
    """Return settings that fetch the starter from its folder."""
    return TrainingSettings(base_model=str(starter), **SIZES, **others)


def test_a_fetched_model_is_proven_on_labelled_tweets(starter: Path, sample_data: Path) -> None:
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
def test_without_labelled_tweets_agreement_proves_int8_and_it_scores_like_transformers(
    starter: Path, tweets: list[str]
) -> None:
    texts = tweets[:40]
    expected = transformers_probabilities(starter, texts)

    stored = fetch(settings(starter))

    served = Classifier.load(Path(stored.path)).classify(texts)
    assert np.abs(expected - served).max() <= MAX_DEVIATIONS["int8"]
    assert ("fetched", "int8") == (
        stored.info.metadata["origin"],
        stored.info.metadata["precision"],
    )
    told = stored.info.metadata["precision_reason"]
    assert "of 150 unlabelled sample texts (no labelled tweets were available)" in told


@pytest.mark.usefixtures("no_tweets")
def test_fp32_scores_do_not_depend_on_the_batch(starter: Path, tweets: list[str]) -> None:
    classifier = Classifier.load(Path(fetch(settings(starter)).path))

    together = classifier.classify(tweets)
    alone = np.concatenate([classifier.classify([text]) for text in tweets])

    assert np.abs(together - alone).max() <= SCORE_BOUNDS["fp32"]
    assert together.argmax(axis=1).tolist() == alone.argmax(axis=1).tolist()


@pytest.mark.usefixtures("no_tweets")
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


def test_a_data_set_that_was_chosen_must_be_there(starter: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="DATASET="):
        fetch(settings(starter, dataset=str(tmp_path / "nowhere")))


def test_a_folder_without_a_model_is_an_error_that_names_the_settings(tmp_path: Path) -> None:
    with pytest.raises(ModelLoadError, match=r"HF_REPO_ID or BASE_MODEL.*HF_TOKEN"):
        fetch(settings(tmp_path))


def test_an_encoder_is_not_served_with_a_classifier_that_knows_nothing(
    starter: Path, tmp_path: Path
) -> None:
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

    told = capsys.readouterr().out
    assert 0 == status
    assert told.startswith(f"Fetching {starter}\n")
    assert "\nRegistered sentiment:" in told


def test_the_command_says_what_went_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_REPO_ID", str(tmp_path))

    status = command.main()

    assert 1 == status
    assert capsys.readouterr().err.startswith(f"no model could be loaded from '{tmp_path}'")


def test_the_command_waits_for_no_training_that_is_at_work(
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
def test_a_promotion_that_was_interrupted_is_completed_before_the_fetch(
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
