"""How outcomes become responses."""

import asyncio
import json
from dataclasses import replace
from uuid import UUID

from api.contract.errors import ApiError
from api.contract.responses import (
    BatchItem,
    PredictBatchOutput,
    PredictionResult,
    PredictOutput,
)

ID = UUID("0198a000-0000-7000-8000-000000000001")
ANSWER = PredictionResult(
    prediction_id=ID,
    text="fine",
    label="positive",
    score=0.7,
    scores={"negative": 0.1, "neutral": 0.2, "positive": 0.7},
    latency_ms=1.5,
    batch_size=4,
)


def test_a_single_answer_has_exactly_the_three_fields_and_its_id() -> None:
    response = asyncio.run(PredictOutput.to_http_response([ANSWER], None))

    assert {"label": "positive", "score": 0.7, "latency_ms": 1.5} == json.loads(response.body)
    assert str(ID) == response.headers["x-prediction-id"]
    assert "x-truncated" not in response.headers


def test_a_text_that_was_read_in_part_is_marked_in_a_header() -> None:
    response = asyncio.run(PredictOutput.to_http_response([replace(ANSWER, truncated=True)], None))

    assert {"label", "score", "latency_ms"} == set(json.loads(response.body))
    assert "true" == response.headers["x-truncated"]


def test_a_refusal_in_a_batch_is_its_own_texts_alone() -> None:
    response = asyncio.run(PredictOutput.to_http_response([ApiError(503, "full")], None))

    assert (503, {"error": "full"}) == (response.status_code, json.loads(response.body))
    assert "1" == response.headers["retry-after"]


def test_a_batch_answers_in_order_with_ids_all_scores_and_marks() -> None:
    answers = [ANSWER, replace(ANSWER, truncated=True)]

    response = asyncio.run(PredictBatchOutput.to_http_response(answers, None))

    item = {
        "prediction_id": str(ID),
        "label": "positive",
        "score": 0.7,
        "scores": ANSWER.scores,
        "truncated": False,
    }
    assert [item, item | {"truncated": True}] == json.loads(response.body)


def test_the_items_of_a_batch_are_those_that_the_page_describes() -> None:
    response = asyncio.run(PredictBatchOutput.to_http_response([ANSWER], None))

    assert [set(BatchItem.model_fields)] == [set(item) for item in json.loads(response.body)]


def test_a_refused_batch_is_one_error() -> None:
    refusal = ApiError(500, "failed", ({"loc": ["texts", 3], "msg": "failed"},))

    response = asyncio.run(PredictBatchOutput.to_http_response(refusal, None))

    expected = {"error": "failed", "detail": [{"loc": ["texts", 3], "msg": "failed"}]}
    assert (500, expected) == (response.status_code, json.loads(response.body))
