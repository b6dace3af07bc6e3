"""The pipeline classifies and records the texts that a client still waits for."""

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any, cast

import pytest

from api.contract.requests import RequestState, TextItem
from db.prediction import Prediction, timestamp_of
from db.prediction_logger import PredictionLogError
from inference.classifier import Classification, ClassificationError, Classifier
from inference.stream_scheduler import NUM_STREAMS
from pipeline import (
    BatchError,
    DisconnectedError,
    PredictionPipeline,
    PredictionResult,
    QueueTimeoutError,
)
from tests.support.server import eventually

QUEUE_TIMEOUT_S = 10


class FakeLog:
    """A prediction log in memory, or one that is full."""

    def __init__(self) -> None:
        self.texts: list[str | None] = []
        self.is_full = False

    def record(self, predictions: Sequence[Prediction]) -> None:
        """Keep the texts."""
        if self.is_full:
            raise PredictionLogError("the spool is full")
        self.texts += [prediction.text for prediction in predictions]


@pytest.fixture(name="log")
def fixture_log() -> FakeLog:
    """Make a log."""
    return FakeLog()


@pytest.fixture(name="pipeline")
def fixture_pipeline(classifier: Classifier, log: FakeLog) -> PredictionPipeline:
    """Make a pipeline with the starter model."""
    return PredictionPipeline(classifier, cast(Any, log), "sentiment:tests", QUEUE_TIMEOUT_S)


def item(text: str = "good", waited_s: float = 0, disconnected: bool = False) -> TextItem:
    """Return a text that has waited this long."""
    return TextItem(text, time.perf_counter() - waited_s, RequestState(disconnected=disconnected))


def essays(count: int) -> list[TextItem]:
    """Return texts of one request of which four fill a batch."""
    state, text = RequestState(), "An essay. " * 500
    return [TextItem(f"{number} {text}", time.perf_counter(), state) for number in range(count)]


def predict_all(pipeline: PredictionPipeline, items: list[TextItem]) -> list[PredictionResult]:
    """Predict the texts of one request."""
    return asyncio.run(pipeline.predict_all(items))


def test_a_result_is_the_row_that_is_recorded(
    pipeline: PredictionPipeline, classifier: Classifier, log: FakeLog
) -> None:
    (result,) = pipeline.predict([item("good", waited_s=1)])

    assert isinstance(result, PredictionResult)
    assert set(classifier.labels) == set(result.scores)
    assert max(result.scores.values()) == result.scores[result.label] == result.confidence
    assert 1000 <= result.latency_ms < 60_000
    assert ("sentiment:tests", 1, False) == (result.model_tag, result.batch_size, result.truncated)
    assert timestamp_of(result.id) == result.timestamp
    assert ["good"] == log.texts


def test_late_and_disconnected_texts_are_not_classified(
    pipeline: PredictionPipeline, log: FakeLog
) -> None:
    items = [item("late", 10.5), item("gone", disconnected=True), item("waiting", 9)]

    results = pipeline.predict(items)

    assert [QueueTimeoutError, DisconnectedError, PredictionResult] == [type(it) for it in results]
    assert ["waiting"] == log.texts


def test_a_failed_text_leaves_the_others_of_its_batch_alone(
    pipeline: PredictionPipeline,
    classifier: Classifier,
    log: FakeLog,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    outcomes = [ClassificationError(0), Classification((0.2, 0.3, 0.5), 2)]
    monkeypatch.setattr(classifier, "classify_each", lambda _: outcomes)

    results = pipeline.predict([item("bad"), item("good")])

    assert [ClassificationError, PredictionResult] == [type(each) for each in results]
    assert ["good"] == log.texts
    assert ["request unknown: the model failed on a text"] == caplog.messages


def test_results_that_cannot_be_recorded_are_not_returned(
    pipeline: PredictionPipeline, log: FakeLog
) -> None:
    log.is_full = True

    results = pipeline.predict([item(), item(disconnected=True)])

    assert [PredictionLogError, DisconnectedError] == [type(each) for each in results]
    with pytest.raises(PredictionLogError):
        predict_all(pipeline, [item()])


@pytest.mark.parametrize(
    ("second", "failure"),
    [
        pytest.param(item(waited_s=1e6), QueueTimeoutError, id="late"),
        pytest.param(item(disconnected=True), DisconnectedError, id="disconnected"),
    ],
)
def test_the_texts_of_one_request_are_recorded_all_or_none(
    pipeline: PredictionPipeline, log: FakeLog, second: TextItem, failure: type[Exception]
) -> None:
    with pytest.raises(BatchError) as raised:
        predict_all(pipeline, [item(), second])

    assert (1, failure) == (raised.value.position, type(raised.value.failure))
    assert [] == log.texts


def test_a_request_that_was_started_in_time_is_completed_however_long_it_takes(
    pipeline: PredictionPipeline, classifier: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    items, classify_each = essays(20), classifier.classify_each

    def slowly(texts: list[str]) -> Any:
        later_s = time.perf_counter() + 6
        monkeypatch.setattr("time.perf_counter", lambda: later_s)
        return classify_each(texts)

    monkeypatch.setattr(classifier, "classify_each", slowly)

    results = predict_all(pipeline, items)

    assert [each.text for each in items] == [result.text for result in results]


def test_a_request_whose_client_disconnects_is_not_continued(
    pipeline: PredictionPipeline,
    classifier: Classifier,
    log: FakeLog,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    items, classified = essays(20), []

    def disconnect(texts: list[str]) -> Any:
        classified.extend(texts)
        items[0].state.disconnected = True
        return [Classification((0.2, 0.3, 0.5), len(texts)) for _ in texts]

    monkeypatch.setattr(classifier, "classify_each", disconnect)

    with pytest.raises(BatchError) as raised:
        predict_all(pipeline, items)

    assert isinstance(raised.value.failure, DisconnectedError)
    assert len(classified) in (4, 8)  # the batches that were started
    assert [] == log.texts


def test_concurrent_requests_alternate_by_batches(
    pipeline: PredictionPipeline, classifier: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_continue = threading.Event()
    classify_each, order = classifier.classify_each, []

    def noted(texts: list[str]) -> Any:
        order.extend(texts)
        may_continue.wait(60)
        return classify_each(texts)

    async def run() -> None:
        long = asyncio.create_task(pipeline.predict_all(essays(40)))
        await asyncio.to_thread(eventually, lambda: len(order) == NUM_STREAMS * 4, 60)
        short = asyncio.create_task(pipeline.predict_all([item("short")]))
        await asyncio.sleep(0)  # until it is queued
        may_continue.set()
        await asyncio.gather(long, short)

    monkeypatch.setattr(classifier, "classify_each", noted)

    asyncio.run(run())

    assert 8 == order.index("short")  # after the batches that were started


def test_the_pipeline_imports_no_transport() -> None:
    code = "import sys, pipeline; print({'bentoml', 'starlette', 'uvicorn'} & set(sys.modules))"

    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "set()" == found.stdout.strip()
