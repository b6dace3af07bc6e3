"""A trained model gets into the Bento store, from the Hub's client or a local folder."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the training group is not installed")
transformers = pytest.importorskip("transformers", reason="the training group is not installed")
pytest.importorskip("nncf", reason="the training group is not installed")

# pylint: disable=wrong-import-position  # only where the training group is installed
from inference.classifier import Classifier
from inference.normalization import normalize
from tests.bounds import FP32_BOUND
from training import fetch as command
from training.fetch import FetchError, fetch


@pytest.mark.usefixtures("store")
def test_a_fetched_model_scores_like_transformers(starter: Path, tweets: list[str]) -> None:
    texts = tweets[:40]
    model = transformers.AutoModelForSequenceClassification.from_pretrained(
        starter, dtype=torch.float32
    )
    tokenizer = transformers.AutoTokenizer.from_pretrained(starter)
    encoded = tokenizer(
        [normalize(text) for text in texts], padding=True, truncation=True, return_tensors="pt"
    )
    with torch.no_grad():
        expected = model(**encoded).logits.softmax(dim=1).numpy()

    stored = fetch(str(starter))

    served = Classifier.load(Path(stored.path)).classify(texts)
    assert np.abs(expected - served).max() <= FP32_BOUND
    assert ("fetched", "fp32") == (
        stored.info.metadata["origin"],
        stored.info.metadata["precision"],
    )


@pytest.mark.usefixtures("store")
def test_fp32_scores_do_not_depend_on_the_batch(starter: Path, tweets: list[str]) -> None:
    classifier = Classifier.load(Path(fetch(str(starter)).path))

    together = classifier.classify(tweets)
    alone = np.concatenate([classifier.classify([text]) for text in tweets])

    assert np.abs(together - alone).max() <= FP32_BOUND
    assert together.argmax(axis=1).tolist() == alone.argmax(axis=1).tolist()


def test_a_folder_without_a_model_is_an_error_that_names_the_settings(tmp_path: Path) -> None:
    with pytest.raises(FetchError, match=r"HF_REPO_ID, or else BASE_MODEL.*HF_TOKEN"):
        fetch(str(tmp_path))


@pytest.mark.usefixtures("store")
def test_the_command_fetches_what_the_settings_name(
    starter: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HF_REPO_ID", "")
    monkeypatch.setenv("BASE_MODEL", str(starter))

    status = command.main()

    assert 0 == status
    assert f"Fetching {starter}\nRegistered sentiment:" in capsys.readouterr().out


def test_the_command_says_what_went_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HF_REPO_ID", str(tmp_path))

    status = command.main()

    assert 1 == status
    assert capsys.readouterr().err.startswith(f"no model could be fetched from '{tmp_path}'")
