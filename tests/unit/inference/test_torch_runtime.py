"""The torch runtime runs a model's weights, on a GPU if there is one."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the training group is not installed")
transformers = pytest.importorskip("transformers", reason="the training group is not installed")

# pylint: disable=wrong-import-position  # only where the training group is installed
from inference import torch_runtime
from inference.classifier import ClassificationError, Classifier, softmax
from inference.cuda_graphs import MIN_TOKENS_PER_TEXT
from inference.model_folder import ModelFolder
from inference.normalization import normalize
from inference.packing import ROW_TOKENS, collate
from inference.reference_predictions import SCORE_BOUNDS
from inference.tokenization import TokenizedText, TweetTokenizer
from inference.torch_runtime import TorchRuntime

HALF_BOUND = 0.03  # in probabilities; bfloat16 keeps 8 bits
CPU, GPU = torch.device("cpu"), torch.device("cuda")
BOUND = HALF_BOUND if torch.cuda.is_available() else SCORE_BOUNDS["fp32"]


def test_probabilities_are_those_of_transformers(starter: Path, tweets: list[str]) -> None:
    model = transformers.AutoModelForSequenceClassification.from_pretrained(
        starter, dtype=torch.float32
    )
    tokenizer = transformers.AutoTokenizer.from_pretrained(starter)
    texts = [normalize(text) for text in tweets]
    encoded = tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
    with torch.no_grad():
        expected = softmax(model(**encoded).logits.numpy())

    found = Classifier.load(starter, "torch").classify(tweets)

    assert np.abs(expected - found).max() <= BOUND


def test_labels_are_those_of_the_served_graph(starter: Path, validation_tweets: list[str]) -> None:
    ours, graphs = (
        Classifier.load(starter, name).classify(validation_tweets).argmax(axis=1)
        for name in ("torch", "openvino")
    )

    assert 0.98 <= np.mean(ours == graphs)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_gives_similar_scores(
    starter: Path, tweets: list[str], monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype
) -> None:
    monkeypatch.setattr(torch_runtime, "_dtype", lambda _: torch.float32)
    expected = Classifier.load(starter, "torch").classify(tweets)
    monkeypatch.setattr(torch_runtime, "_dtype", lambda _: dtype)

    classifier = Classifier.load(starter, "torch")
    found = classifier.classify(tweets)

    assert classifier.runtime.precision in ("bf16", "fp16")
    assert 0 < np.abs(expected - found).max() <= HALF_BOUND


@pytest.mark.parametrize(
    ("device", "has_bf16", "dtype"),
    [
        (CPU, True, torch.float32),
        (CPU, False, torch.float32),
        (GPU, True, torch.bfloat16),
        (GPU, False, torch.float16),
    ],
)
def test_a_gpu_computes_in_half_precision_and_a_processor_in_float32(
    monkeypatch: pytest.MonkeyPatch, device: torch.device, has_bf16: bool, dtype: torch.dtype
) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: has_bf16)

    assert dtype == torch_runtime._dtype(device)  # pylint: disable=protected-access


def test_logits_are_float32_with_a_row_for_each_text(starter: Path) -> None:
    folder = ModelFolder.read(starter)
    token_ids = TweetTokenizer(folder).encode(["good", "bad", "so so"])
    arrays = collate([[0, 1], [2]], token_ids, folder.pad_token_id)

    logits = TorchRuntime(starter).logits(arrays)

    assert ((3, 3), np.float32) == (logits.shape, logits.dtype)


def test_a_text_that_fails_does_not_affect_others(
    starter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    classifier = Classifier.load(starter, "torch")
    expected = classifier.classify(["good", "bad"])
    tokenize = TweetTokenizer.tokenize
    beyond_the_vocabulary = TokenizedText([10**6], truncated=False)
    monkeypatch.setattr(
        TweetTokenizer,
        "tokenize",
        lambda self, texts: [
            beyond_the_vocabulary if text == "odd" else tokenize(self, [text])[0] for text in texts
        ],
    )

    first, odd, last = classifier.classify_each(["good", "odd", "bad"])

    assert isinstance(odd, ClassificationError)
    assert np.allclose(expected, [first.probabilities, last.probabilities], atol=BOUND)


def test_a_token_id_outside_of_the_vocabulary_never_reaches_the_gpu(starter: Path) -> None:
    arrays = collate([[0]], [[5, 10**6, 6]], 1)

    with pytest.raises(IndexError, match="token id 1000000 is outside of the vocabulary of 8000"):
        TorchRuntime(starter).logits(arrays)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no GPU")
def test_a_gpu_replays_a_captured_pass_for_other_texts(starter: Path, tweets: list[str]) -> None:
    classifier = Classifier.load(starter, "torch")
    launched = [classifier.classify(tweets[:count]) for count in (1, 7, 32)]

    classifier.warm_up().join()

    captured = [classifier.classify(tweets[:count]) for count in (1, 7, 32)]
    for expected, found in zip(launched, captured, strict=True):
        assert np.abs(expected - found).max() <= BOUND


@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no GPU")
def test_a_pass_with_more_texts_than_were_captured_is_right(starter: Path) -> None:
    folder = ModelFolder.read(starter)
    classifier = Classifier.load(starter, "torch")
    classifier.warm_up().join()
    token_ids = TweetTokenizer(folder).encode(["a", "b"] * 20)
    rows = [list(range(40))]
    assert sum(map(len, token_ids)) <= ROW_TOKENS < MIN_TOKENS_PER_TEXT * len(token_ids)

    logits = classifier.runtime.logits(collate(rows, token_ids, folder.pad_token_id))

    alone = classifier.classify(["a", "b"])
    assert np.abs(softmax(logits)[:2] - alone).max() <= BOUND
    assert np.abs(softmax(logits)[-2:] - alone).max() <= BOUND
