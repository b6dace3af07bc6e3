"""Nobody is worked for who has left, or whose turn comes too late."""

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

import service
from api import guard
from api.answers import Answer
from api.requests import Asker, Question
from db.prediction import Prediction
from inference.classifier import Classifier


class Recorder:
    """Note what is recorded."""

    def __init__(self) -> None:
        self.texts: list[str | None] = []

    def record(self, predictions: list[Prediction]) -> None:
        """Note it."""
        self.texts += [prediction.text for prediction in predictions]


class Served:
    """A service that is not started, and what it is asked for."""

    def __init__(self, classifier: Classifier, batches: ThreadPoolExecutor) -> None:
        inner = service.SentimentService.inner
        self._predict, self._predict_batch = inner.predict.func, inner.predict_batch.func
        self._service = object.__new__(inner)
        self.recorder = Recorder()
        vars(self._service).update(
            classifier=classifier,
            recorder=self.recorder,
            batches=batches,
            model=SimpleNamespace(tag="sentiment:tests"),
        )

    def predict(self, questions: list[Question]) -> Any:
        """Have texts answered that came by themselves."""
        return self._predict(self._service, questions)

    def predict_batch(self, questions: list[Question]) -> Any:
        """Have texts answered that came together."""
        return asyncio.run(self._predict_batch(self._service, questions))


@pytest.fixture(name="served")
def fixture_served(classifier: Classifier) -> Iterator[Served]:
    """Make one with the starter model."""
    with ThreadPoolExecutor(1) as batches:
        yield Served(classifier, batches)


def asked(text: str, ago_s: float = 0, is_gone: bool = False) -> Question:
    """Return a question that came so long ago."""
    return Question(text, time.perf_counter() - ago_s, Asker(is_gone=is_gone))


def test_only_who_still_waits_is_answered(served: Served) -> None:
    late, gone, there = asked("late", 10.5), asked("gone", is_gone=True), asked("there", 9)

    outcomes = served.predict([late, gone, there])

    assert [503, 499] == [outcome.status for outcome in outcomes[:2]]
    assert "the text waited longer than 10 s" == outcomes[0].error
    assert isinstance(outcomes[2], Answer)
    assert ["there"] == served.recorder.texts


@pytest.mark.parametrize(
    ("second", "refusal"),
    [
        pytest.param(asked("late", 1e6), service.LATE, id="late"),
        pytest.param(asked("gone", is_gone=True), service.GONE, id="gone"),
    ],
)
def test_texts_that_came_together_are_answered_all_or_none(
    served: Served, second: Question, refusal: Any
) -> None:
    outcome = served.predict_batch([asked("there"), second])

    assert refusal == replace(outcome, detail=())
    assert ["texts", 1] == outcome.detail[0]["loc"]
    assert [] == served.recorder.texts


def test_our_own_timeout_comes_before_bentomls() -> None:
    assert guard.DEADLINE_S < service.SentimentService.config["traffic"]["timeout"]
