"""The prediction pipeline, independent of the transport: check, classify, build, record."""

import logging
import time
from asyncio import gather, get_running_loop, to_thread
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, islice
from operator import attrgetter

from api.contract.requests import TextItem
from db.prediction import Prediction, new_id, timestamp_of
from db.prediction_logger import PredictionLogError, PredictionLogger
from inference.batching import split_batches
from inference.classifier import Classification, ClassificationError, Classifier
from inference.stream_scheduler import NUM_STREAMS

SCORE_DECIMALS = 6  # a float32 probability has no more
LATENCY_DECIMALS = 3

logger = logging.getLogger("bentoml.sentiment.pipeline")


@dataclass(frozen=True, slots=True)
class PredictionResult(Prediction):
    """A recorded prediction, with the probability (0..1) of every label."""

    scores: Mapping[str, float] = field(default_factory=dict)


class DisconnectedError(Exception):
    """The client disconnected before the model read its text."""


class QueueTimeoutError(Exception):
    """The text waited longer than the queue timeout."""


Failure = DisconnectedError | QueueTimeoutError | ClassificationError | PredictionLogError
Outcome = Classification | Failure


class BatchError(Exception):
    """A text of a request failed, and with it the request; ``position`` is the text's index."""

    def __init__(self, position: int, failure: Failure) -> None:
        super().__init__(f"text {position}: {failure}")
        self.position = position
        self.failure = failure


class PredictionPipeline:
    """Classify texts and record the predictions. Several threads may call it."""

    def __init__(
        self,
        classifier: Classifier,
        prediction_log: PredictionLogger,
        model_tag: str,
        queue_timeout_s: float,
    ) -> None:
        """Drop texts that wait longer than ``queue_timeout_s`` before the model reads them."""
        self._classifier = classifier
        self._log = prediction_log
        self._model_tag = model_tag
        self._queue_timeout_s = queue_timeout_s
        self._threads = ThreadPoolExecutor(NUM_STREAMS, "predict-all")

    def predict(self, items: Sequence[TextItem]) -> list[PredictionResult | Failure]:
        """Predict the texts of separate requests: one that fails leaves the others alone."""
        results = self._build(items, self._classify(items))
        try:
            self._record(results)
        except PredictionLogError as error:
            return [error if isinstance(each, PredictionResult) else each for each in results]
        return results

    async def predict_all(self, items: Sequence[TextItem]) -> list[PredictionResult]:
        """Predict the texts of one request, all or none; concurrent calls alternate by batches.

        Raises BatchError or PredictionLogError.
        """
        submit = partial(get_running_loop().run_in_executor, self._threads)
        batches = split_batches(items, attrgetter("text"))
        outcomes: list[Outcome] = []
        while group := list(islice(batches, NUM_STREAMS)):
            parts = await gather(*(submit(self._classify, batch) for batch in group))
            outcomes += chain.from_iterable(parts)
            if not all(isinstance(outcome, Classification) for outcome in outcomes):
                break
        return await to_thread(self._complete, items[: len(outcomes)], outcomes)

    def _complete(
        self, items: Sequence[TextItem], outcomes: Sequence[Outcome]
    ) -> list[PredictionResult]:
        results = []
        for position, result in enumerate(self._build(items, outcomes)):
            if not isinstance(result, PredictionResult):
                raise BatchError(position, result)
            results.append(result)
        self._record(results)
        return results

    def _classify(self, items: Sequence[TextItem]) -> list[Outcome]:
        """Classify the texts that a client still waits for."""
        now_s = time.perf_counter()
        failures = [self._expiry(item, now_s) for item in items]
        pending = [item.text for item, failed in zip(items, failures, strict=True) if not failed]
        classified = iter(self._classifier.classify_each(pending))
        return [failure or next(classified) for failure in failures]

    def _expiry(self, item: TextItem, now_s: float) -> Failure | None:
        """Return why a text is dropped; otherwise mark its request as started."""
        if item.state.disconnected:
            return DisconnectedError()
        if not item.state.started and now_s - item.arrived_s > self._queue_timeout_s:
            return QueueTimeoutError()
        item.state.started = True
        return None

    def _build(
        self, items: Sequence[TextItem], outcomes: Sequence[Outcome]
    ) -> list[PredictionResult | Failure]:
        now_s = time.perf_counter()
        return [
            self._result(item, outcome, now_s)
            for item, outcome in zip(items, outcomes, strict=True)
        ]

    def _result(self, item: TextItem, outcome: Outcome, now_s: float) -> PredictionResult | Failure:
        if not isinstance(outcome, Classification):
            if isinstance(outcome, ClassificationError):
                request_id = item.state.request_id
                logger.error("request %s: the model failed on a text", request_id, exc_info=outcome)
            return outcome
        exact = dict(zip(self._classifier.labels, outcome.probabilities, strict=True))
        label = max(exact, key=exact.__getitem__)
        scores = {name: round(value, SCORE_DECIMALS) for name, value in exact.items()}
        prediction_id = new_id()
        return PredictionResult(
            id=prediction_id,
            timestamp=timestamp_of(prediction_id),
            text=item.text,
            latency_ms=round((now_s - item.arrived_s) * 1000, LATENCY_DECIMALS),
            label=label,
            confidence=scores[label],
            model_tag=self._model_tag,
            batch_size=outcome.batch_size,
            truncated=outcome.truncated,
            scores=scores,
        )

    def _record(self, results: Sequence[PredictionResult | Failure]) -> None:
        self._log.record([each for each in results if isinstance(each, PredictionResult)])
