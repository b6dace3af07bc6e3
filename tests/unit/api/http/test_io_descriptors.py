"""How prediction results become responses."""

import asyncio
import json
from dataclasses import replace
from datetime import datetime
from uuid import UUID

import pytest
from bentoml.exceptions import NotFound
from starlette.requests import Request

from api.contract.errors import ApiError
from api.contract.responses import BatchItem
from api.http.io_descriptors import (
    PredictBatchInput,
    PredictBatchOutput,
    PredictInput,
    PredictOutput,
)
from pipeline import PredictionResult

ID = UUID("0198a000-0000-7000-8000-000000000001")
RESULT = PredictionResult(
    id=ID,
    timestamp=datetime(2026, 2, 3),
    text="fine",
    latency_ms=1.5,
    label="positive",
    confidence=0.7,
    model_tag="sentiment:tests",
    batch_size=4,
    scores={"negative": 0.1, "neutral": 0.2, "positive": 0.7},
)


def test_a_result_has_exactly_three_fields_and_its_id_in_a_header() -> None:
    response = asyncio.run(PredictOutput.to_http_response([RESULT], None))

    assert {"label": "positive", "score": 0.7, "latency_ms": 1.5} == json.loads(response.body)
    assert str(ID) == response.headers["x-prediction-id"]
    assert "x-truncated" not in response.headers


def test_truncation_is_marked_in_a_header() -> None:
    response = asyncio.run(PredictOutput.to_http_response([replace(RESULT, truncated=True)], None))

    assert {"label", "score", "latency_ms"} == set(json.loads(response.body))
    assert "true" == response.headers["x-truncated"]


def test_an_error_is_a_json_object() -> None:
    response = asyncio.run(PredictOutput.to_http_response([ApiError(503, "full")], None))

    assert (503, {"error": "full"}) == (response.status_code, json.loads(response.body))
    assert "1" == response.headers["retry-after"]


def test_a_batch_has_ids_and_all_scores_in_order() -> None:
    results = [RESULT, replace(RESULT, truncated=True)]

    response = asyncio.run(PredictBatchOutput.to_http_response(results, None))

    item = {
        "prediction_id": str(ID),
        "label": "positive",
        "score": 0.7,
        "scores": RESULT.scores,
        "truncated": False,
    }
    assert [item, item | {"truncated": True}] == json.loads(response.body)


def test_the_items_of_a_batch_agree_with_their_schema() -> None:
    response = asyncio.run(PredictBatchOutput.to_http_response([RESULT], None))

    assert [set(BatchItem.model_fields)] == [set(item) for item in json.loads(response.body)]


def test_a_failed_batch_is_one_error() -> None:
    error = ApiError(500, "failed", ({"loc": ["texts", 3], "msg": "failed"},))

    response = asyncio.run(PredictBatchOutput.to_http_response(error, None))

    expected = {"error": "failed", "detail": [{"loc": ["texts", 3], "msg": "failed"}]}
    assert (500, expected) == (response.status_code, json.loads(response.body))


@pytest.mark.parametrize("descriptor", [PredictInput, PredictBatchInput])
def test_a_request_without_a_parsed_body_is_not_found(
    descriptor: type[PredictInput] | type[PredictBatchInput],
) -> None:
    request = Request({"type": "http", "method": "POST", "path": "/predict\n", "headers": []})

    with pytest.raises(NotFound):
        asyncio.run(descriptor.from_http_request(request, None))
