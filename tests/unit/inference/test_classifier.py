"""The classifier returns a result or an error for each text."""

import math
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit

from inference.classifier import Classification, ClassificationError, Classifier, softmax
from inference.model_folder import ModelFolder
from inference.packing import ModelInputs
from inference.reference_predictions import SCORE_BOUNDS
from inference.runtime import RuntimeName
from inference.tokenization import TweetTokenizer
from tests.support.broken_models import POISON, make_failing_model


class NotANumber:
    """A runtime that returns NaN for a row with a certain token."""

    name = "not-a-number"
    precision: str | None = None

    def __init__(self, token: int) -> None:
        self._token = token

    def logits(self, arrays: ModelInputs) -> np.ndarray:
        """Return logits [texts, 3], NaN for texts in a row with the token."""
        spoilt = (arrays["input_ids"] == self._token).any(axis=1)
        rows = arrays["first_tokens"] // arrays["input_ids"].shape[1]
        return np.where(spoilt[rows][:, np.newaxis], np.nan, np.zeros(3)).astype(np.float32)


class Shapes:
    """A runtime that records the shapes of its warm-up."""

    name = "shapes"
    precision: str | None = None

    def __init__(self) -> None:
        self.seen: list[tuple[int, ...]] = []
        self.single: list[tuple[int, ...]] = []
        self.packed: list[tuple[int, ...]] = []

    def logits(self, arrays: ModelInputs) -> np.ndarray:
        """Return logits [texts, 3] of zeros."""
        self.seen.append(arrays["input_ids"].shape)
        return np.zeros((len(arrays["first_tokens"]), 3), dtype=np.float32)

    def warm_up(self, single: Iterable[ModelInputs], packed: Iterable[ModelInputs]) -> None:
        """Record the shapes."""
        self.single += [arrays["input_ids"].shape for arrays in single]
        self.packed += [arrays["input_ids"].shape for arrays in packed]


@pytest.fixture(name="classifier", scope="module", params=get_args(RuntimeName))
def fixture_classifier(request: pytest.FixtureRequest, starter: Path) -> Classifier:
    """Load the starter model into each runtime."""
    if request.param == "torch":
        pytest.importorskip("transformers", reason="the training group is not installed")
    return Classifier.load(starter, request.param)


@pytest.fixture(name="faulty", scope="module")
def fixture_faulty(starter: Path, tmp_path_factory: pytest.TempPathFactory) -> Classifier:
    """Load a model that fails on texts with the poison word."""
    folder = make_failing_model(starter, tmp_path_factory.mktemp("faulty") / "model")
    return Classifier.load(folder)


def test_every_text_gets_a_probability_for_each_label(
    classifier: Classifier, tweets: list[str]
) -> None:
    probabilities = classifier.classify(tweets)

    assert (len(tweets), len(classifier.labels)) == probabilities.shape
    assert np.allclose(1, probabilities.sum(axis=1))


def test_obvious_tweets_get_their_label(classifier: Classifier) -> None:
    texts = ["Beautiful post!!!", "I hate this so much, worst day ever"]

    labels = [classifier.labels[row] for row in classifier.classify(texts).argmax(axis=1)]

    assert ["positive", "negative"] == labels


def test_no_texts_give_no_rows(classifier: Classifier) -> None:
    assert (0, len(classifier.labels)) == classifier.classify([]).shape


def test_answers_keep_the_order_of_the_texts(classifier: Classifier, tweets: list[str]) -> None:
    forwards = classifier.classify(tweets)
    backwards = classifier.classify(tweets[::-1])

    assert np.abs(forwards - backwards[::-1]).max() <= SCORE_BOUNDS["int8"]


def test_a_text_gets_similar_scores_alone_and_in_a_batch(
    classifier: Classifier, tweets: list[str]
) -> None:
    together = classifier.classify(tweets)
    alone = np.concatenate([classifier.classify([text]) for text in tweets])

    second, first = np.sort(alone, axis=1)[:, -2:].T
    is_close_call = first - second <= 2 * SCORE_BOUNDS["int8"]
    assert np.abs(together - alone).max() <= SCORE_BOUNDS["int8"]
    assert np.all(is_close_call | (together.argmax(axis=1) == alone.argmax(axis=1)))


def test_the_batch_size_is_the_number_of_texts_in_the_pass(
    classifier: Classifier, tweets: list[str]
) -> None:
    texts = ["good " * 124] * 10 + tweets[:1]

    outcomes = classifier.classify_each(texts)

    sizes = [made.batch_size for made in outcomes if isinstance(made, Classification)]
    assert [4] * 8 + [2, 2, 1] == sizes


def test_truncated_texts_are_marked(classifier: Classifier, tweets: list[str]) -> None:
    texts = ["good " * 124, *tweets[:10], "good " * 1000, *tweets[10:20]]

    outcomes = classifier.classify_each(texts)

    marked = [
        position
        for position, made in enumerate(outcomes)
        if isinstance(made, Classification) and made.truncated
    ]
    assert [11] == marked


def test_a_truncated_text_that_fails_is_an_error(faulty: Classifier) -> None:
    (outcome,) = faulty.classify_each([f"{POISON} " * 1000])

    assert isinstance(outcome, ClassificationError)


def test_a_text_that_fails_in_the_runtime_does_not_affect_others(
    faulty: Classifier, starter: Path, tweets: list[str]
) -> None:
    texts = [*tweets[:7], f"a {POISON}", *tweets[7:40]]

    outcomes = faulty.classify_each(texts)

    failed = [i for i, made in enumerate(outcomes) if isinstance(made, ClassificationError)]
    assert [7] == failed
    healthy = [made.probabilities for made in outcomes if isinstance(made, Classification)]
    expected = Classifier.load(starter).classify([*tweets[:7], *tweets[7:40]])
    assert np.abs(expected - np.array(healthy)).max() <= SCORE_BOUNDS["int8"]


def test_a_text_that_fails_in_the_tokenizer_does_not_affect_others(
    starter: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(starter, tmp_path / "model"))
    words = Tokenizer(WordLevel({"good": 5, "bad": 6}))  # and none for what it does not know
    words.pre_tokenizer = WhitespaceSplit()
    words.save(str(folder / "tokenizer.json"))

    outcomes = Classifier.load(folder).classify_each(["good", "unheard-of", "bad"])

    assert [False, True, False] == [isinstance(made, ClassificationError) for made in outcomes]


def test_real_tweets_get_similar_scores_alone_and_in_batches(
    classifier: Classifier, validation_tweets: list[str]
) -> None:
    alone = np.concatenate([classifier.classify([text]) for text in validation_tweets])
    in_batches = np.concatenate(
        [classifier.classify(validation_tweets[i : i + 64]) for i in range(0, 200, 64)]
    )

    assert np.abs(alone - in_batches).max() <= SCORE_BOUNDS["int8"]


def test_the_error_has_the_position_and_the_runtimes_message(faulty: Classifier) -> None:
    with pytest.raises(ClassificationError, match="position 1") as caught:
        faulty.classify(["fine", POISON])

    assert isinstance(caught.value.__cause__, RuntimeError)


def test_a_text_without_finite_logits_does_not_affect_others(starter: Path) -> None:
    folder = ModelFolder.read(starter)
    *_, token, _ = TweetTokenizer(folder).encode(["zebra"])[0]
    classifier = Classifier(folder, NotANumber(token))

    outcomes = classifier.classify_each(["good", "zebra", "bad"])

    assert [False, True, False] == [isinstance(made, ClassificationError) for made in outcomes]


def test_warm_up_runs_every_usual_shape_the_largest_first(
    starter: Path,
) -> None:
    runtime = Shapes()

    Classifier(ModelFolder.read(starter), runtime).warm_up().join()

    assert [(1, 28), (1, 36)] == runtime.single
    assert len(runtime.packed) == len(set(runtime.packed))
    assert {(1, 8), (1, 16), (1, 128), (2, 128), (4, 128)} <= set(runtime.packed)
    assert sorted(runtime.packed, key=math.prod, reverse=True) == runtime.packed


def test_a_failed_warm_up_is_logged_and_texts_are_classified(
    starter: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    classifier = Classifier.load(starter)

    def fail(*_: object) -> None:
        raise RuntimeError("no memory")

    monkeypatch.setattr(classifier.runtime, "warm_up", fail)

    classifier.warm_up().join()

    assert "warm-up failed" in caplog.text
    assert "no memory" in caplog.text
    assert (1, 3) == classifier.classify(["good"]).shape


def test_softmax_of_large_logits_does_not_overflow() -> None:
    probabilities = softmax(np.array([[1000.0, 1000.0, 0.0]], dtype=np.float32))

    assert [[0.5, 0.5, 0.0]] == probabilities.tolist()
