"""Clients get the reason why the pipeline has no result for them."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

import service
from api.contract.errors import ApiError
from api.http.middleware import REQUEST_TIMEOUT_S
from db.prediction_logger import PredictionLogError
from inference.classifier import ClassificationError
from pipeline import BatchError, DisconnectedError, Failure, QueueTimeoutError


@pytest.mark.parametrize(
    ("failure", "status", "error"),
    [
        (DisconnectedError(), 499, "the client has disconnected"),
        (QueueTimeoutError(), 503, "the request waited longer than 10 s"),
        (ClassificationError(0), 500, "the model failed on this text"),
        (PredictionLogError("full"), 503, f"{service.NOT_RECORDED}: full"),
    ],
)
def test_every_failure_is_an_api_error(failure: Failure, status: int, error: str) -> None:
    found = service.to_api_error(failure)

    assert (status, error) == (found.status, found.error)


@pytest.mark.parametrize(
    ("raised", "status", "error", "detail"),
    [
        (
            BatchError(3, ClassificationError(0)),
            500,
            "texts.3: the model failed on this text",
            [{"loc": ["texts", 3], "msg": "the model failed on this text"}],
        ),
        (
            BatchError(1, QueueTimeoutError()),
            503,
            "the request waited longer than 10 s",
            [{"loc": ["texts", 1], "msg": "the request waited longer than 10 s"}],
        ),
        (PredictionLogError("full"), 503, f"{service.NOT_RECORDED}: full", []),
    ],
)
def test_a_failed_batch_is_one_error_with_the_index_of_the_text(
    raised: Exception, status: int, error: str, detail: list[Any]
) -> None:
    async def predict_all(_: object) -> None:
        raise raised

    predict_batch = service.SentimentService.inner.predict_batch.func
    instance = SimpleNamespace(pipeline=SimpleNamespace(predict_all=predict_all))

    found: ApiError = asyncio.run(predict_batch(instance, []))

    assert (status, error, detail) == (found.status, found.error, list(found.detail))


def test_our_timeout_is_shorter_than_bentomls() -> None:
    assert REQUEST_TIMEOUT_S < service.SentimentService.config["traffic"]["timeout"]
