"""Nobody is worked for who has left, or whose turn comes too late."""

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

import service
from api.contract.requests import RequestState, TextItem
from api.contract.responses import PredictionResult
from api.http import middleware as guard
from db.prediction import Prediction
from inference.classifier import Classification, Classifier
from inference.stream_scheduler import NUM_STREAMS
from tests.support.server import eventually


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
        self.classifier = classifier
        self.recorder = Recorder()
        vars(self._service).update(
            classifier=classifier,
            recorder=self.recorder,
            batches=batches,
            model=SimpleNamespace(tag="sentiment:tests"),
        )

    def predict(self, questions: list[TextItem]) -> Any:
        """Have texts answered that came by themselves."""
        return self._predict(self._service, questions)

    def predict_batch(self, questions: list[TextItem]) -> Any:
        """Have texts answered that came together."""
        return asyncio.run(self.answer(questions))

    async def answer(self, questions: list[TextItem]) -> Any:
        """Have them answered beside others."""
        return await self._predict_batch(self._service, questions)


@pytest.fixture(name="served")
def fixture_served(classifier: Classifier) -> Iterator[Served]:
    """Make one with the starter model."""
    with ThreadPoolExecutor(NUM_STREAMS) as batches:
        yield Served(classifier, batches)


def asked(text: str, ago_s: float = 0, disconnected: bool = False) -> TextItem:
    """Return a question that came so long ago."""
    return TextItem(text, time.perf_counter() - ago_s, RequestState(disconnected=disconnected))


def test_only_who_still_waits_is_answered(served: Served) -> None:
    late, gone, there = asked("late", 10.5), asked("gone", disconnected=True), asked("there", 9)

    outcomes = served.predict([late, gone, there])

    assert [503, 499] == [outcome.status for outcome in outcomes[:2]]
    assert "the request waited longer than 10 s" == outcomes[0].error
    assert isinstance(outcomes[2], PredictionResult)
    assert ["there"] == served.recorder.texts


@pytest.mark.parametrize(
    ("second", "refusal"),
    [
        pytest.param(asked("late", 1e6), service.QUEUE_TIMEOUT, id="late"),
        pytest.param(asked("gone", disconnected=True), service.CLIENT_DISCONNECTED, id="gone"),
    ],
)
def test_texts_that_came_together_are_answered_all_or_none(
    served: Served, second: TextItem, refusal: Any
) -> None:
    outcome = served.predict_batch([asked("there"), second])

    assert (refusal.status, refusal.error) == (outcome.status, outcome.error)
    assert ["texts", 1] == outcome.detail[0]["loc"]
    assert [] == served.recorder.texts


def essays(count: int) -> list[TextItem]:
    """Return questions of which four make a portion."""
    state = RequestState()
    text = "An essay. " * 500
    return [TextItem(f"{number} {text}", time.perf_counter(), state) for number in range(count)]


def test_texts_that_had_their_turn_in_time_are_answered_however_many_they_are(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    questions, classify_each = essays(20), served.classifier.classify_each

    def slowly(texts: list[str]) -> Any:
        later_s = time.perf_counter() + 6
        monkeypatch.setattr("time.perf_counter", lambda: later_s)
        return classify_each(texts)

    monkeypatch.setattr(served.classifier, "classify_each", slowly)

    outcomes = served.predict_batch(questions)

    assert [question.text for question in questions] == [outcome.text for outcome in outcomes]


def test_nothing_more_of_a_call_is_classified_once_it_is_refused(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    questions, classified = essays(20), []

    def leave(texts: list[str]) -> Any:
        classified.extend(texts)
        questions[0].state.disconnected = True
        return [Classification((0.2, 0.3, 0.5), len(texts)) for _ in texts]

    monkeypatch.setattr(served.classifier, "classify_each", leave)

    assert service.CLIENT_DISCONNECTED.status == served.predict_batch(questions).status
    assert len(classified) in (4, 8)  # what was begun with goes on
    assert [] == served.recorder.texts


def test_calls_that_come_together_take_turns(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_go_on = threading.Event()
    classify_each, order = served.classifier.classify_each, []

    def note(texts: list[str]) -> Any:
        order.extend(texts)
        may_go_on.wait(60)
        return classify_each(texts)

    async def ask() -> None:
        long = asyncio.create_task(served.answer(essays(40)))
        await asyncio.to_thread(eventually, lambda: len(order) == NUM_STREAMS * 4, 60)
        short = asyncio.create_task(served.answer([asked("short")]))
        await asyncio.sleep(0)  # it is in line now
        may_go_on.set()
        await asyncio.gather(long, short)

    monkeypatch.setattr(served.classifier, "classify_each", note)

    asyncio.run(ask())

    assert 8 == order.index("short")  # what was begun with goes on


def test_our_own_timeout_comes_before_bentomls() -> None:
    assert guard.REQUEST_TIMEOUT_S < service.SentimentService.config["traffic"]["timeout"]
