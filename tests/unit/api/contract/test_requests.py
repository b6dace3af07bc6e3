"""What the guard has not read does not reach an endpoint."""

import asyncio

import pytest
from bentoml.exceptions import NotFound
from starlette.requests import Request

from api.contract.requests import PredictBatchInput, PredictInput


@pytest.mark.parametrize("taken", [PredictInput, PredictBatchInput])
def test_a_request_without_a_validated_body_is_refused(
    taken: type[PredictInput] | type[PredictBatchInput],
) -> None:
    request = Request({"type": "http", "method": "POST", "path": "/predict\n", "headers": []})

    with pytest.raises(NotFound):
        asyncio.run(taken.from_http_request(request, None))
