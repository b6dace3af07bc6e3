"""The committed starter in ``models/starter`` is as promised."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from inference.classifier import Classifier
from training.data.dataset import LABELS, load
from training.evaluation.metrics import compute_metrics

LARGEST = 12_000_000
"""In bytes, all files together."""


@pytest.fixture(name="metadata", scope="module")
def fixture_metadata(starter):
    """Return the committed metadata."""
    return json.loads((starter / "metadata.json").read_text(encoding="utf-8"))


def test_it_is_small_enough_for_a_repository(starter):
    assert LARGEST > sum(path.stat().st_size for path in starter.iterdir())


def test_clear_cases_are_classified_correctly(starter):
    texts = ["I love this, thank you so much!", "I hate this, worst day ever. So sad."]

    found = Classifier.load(starter).classify(texts)

    assert ["positive", "negative"] == [LABELS[row.argmax()] for row in found]


def test_its_labels_are_those_of_the_dataset(starter):
    assert LABELS == Classifier.load(starter).labels


def test_its_origin_is_starter(metadata):
    assert ("starter", None) == (metadata["origin"], metadata["base_model"])


def test_its_metrics_are_high_enough(metadata):
    assert 0.66 <= metadata["metrics"]["accuracy"]
    assert 0.65 <= metadata["metrics"]["macro_recall"]


def test_the_card_has_the_metrics_of_the_metadata(starter, metadata):
    card = (starter / "README.md").read_text(encoding="utf-8")

    for name in ("accuracy", "macro_recall", "macro_f1"):
        assert f"{metadata['metrics'][name]:.4f}" in card
    assert metadata["dataset_fingerprint"] in card
    assert metadata["precision_reason"] in card


def test_the_tokenizer_has_no_dropout(starter):
    tokenizer = json.loads((starter / "tokenizer.json").read_text(encoding="utf-8"))

    assert tokenizer["model"].get("dropout") is None


def test_the_weights_are_float16(starter):
    safetensors = pytest.importorskip("safetensors", reason="the training group is not installed")

    with safetensors.safe_open(starter / "model.safetensors", "np") as file:
        names = file.keys()
        kinds = {file.get_slice(name).get_dtype() for name in names}

    assert {"F16"} == kinds


def test_transformers_loads_it_and_predicts_as_served(starter):
    torch = pytest.importorskip("torch", reason="the training group is not installed")
    transformers = pytest.importorskip("transformers", reason="the training group is not installed")
    texts = ["I love it", "I hate it, it is so much worse than I thought", "it is on tuesday"]
    model = transformers.AutoModelForSequenceClassification.from_pretrained(
        starter, dtype=torch.float32
    ).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(starter)

    encoded = tokenizer(texts, padding=True, return_tensors="pt")
    with torch.no_grad():
        exact = model(**encoded).logits.softmax(-1).numpy()

    assert dict(enumerate(LABELS)) == model.config.id2label
    np.testing.assert_allclose(exact, Classifier.load(starter).classify(texts), atol=0.05)


def test_its_metrics_on_validation_are_those_of_the_metadata(starter, metadata):
    source = os.environ.get("DATASET", "")
    if not Path(source).is_dir() or not source:
        pytest.skip("DATASET does not name a local folder")
    pytest.importorskip("datasets", reason="the training group is not installed")
    rows = load(source).evaluation

    found = compute_metrics(
        rows.labels, Classifier.load(starter).classify(rows.texts).argmax(axis=1).tolist(), LABELS
    )

    assert 0.66 <= found.accuracy
    assert 0.65 <= found.macro_recall
    assert {name: round(value, 6) for name, value in found.flat().items()} == pytest.approx(
        metadata["metrics"],
        abs=0.005,  # another processor may round int8 sums differently
    )
