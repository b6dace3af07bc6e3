"""BentoML's input and output of the endpoints: from validated bodies to responses."""

from typing import Any

import bentoml
from bentoml.exceptions import NotFound
from pydantic import TypeAdapter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from api.contract.errors import ApiError
from api.contract.requests import ParsedRequest, PredictBatchRequest, PredictRequest, TextItem
from api.contract.responses import (
    PREDICTION_ID_HEADER,
    TRUNCATED_HEADER,
    BatchItem,
    PredictResponse,
)

PARSED_REQUEST = "sentiment.request"
"""The key in the ASGI scope under which the middleware leaves the ParsedRequest."""


def _items(request: Request) -> list[TextItem]:
    """Return the texts of a request. Raises NotFound if the middleware read no body."""
    parsed: ParsedRequest | None = request.scope.get(PARSED_REQUEST)
    if parsed is None:
        raise NotFound("this path takes no body")
    return parsed.items()


class PredictInput(bentoml.IODescriptor):
    """One text, in a list: BentoML concatenates the lists of concurrent requests to a batch."""

    text: list[TextItem]

    @classmethod
    def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Return the schema of the posted body."""
        return PredictRequest.model_json_schema(*args, **kwargs)

    @classmethod
    async def from_http_request(cls, request: Request, serde: Any) -> "PredictInput":
        """Take the text that the middleware has validated."""
        return cls(text=_items(request))


class PredictBatchInput(bentoml.IODescriptor):
    """Texts that are classified and recorded together."""

    texts: list[TextItem]

    @classmethod
    def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Return the schema of the posted body."""
        return PredictBatchRequest.model_json_schema(*args, **kwargs)

    @classmethod
    async def from_http_request(cls, request: Request, serde: Any) -> "PredictBatchInput":
        """Take the texts that the middleware has validated."""
        return cls(texts=_items(request))


class PredictOutput(bentoml.IODescriptor):
    """A prediction result or an ApiError, in a list of one: BentoML's slice of the batch."""

    @classmethod
    def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Return the schema of the response."""
        return PredictResponse.model_json_schema(*args, **kwargs)

    @classmethod
    async def to_http_response(cls, obj: list[Any], serde: Any) -> Response:
        """Return the response of this request."""
        (result,) = obj
        if isinstance(result, ApiError):
            return result.to_response()
        headers = {PREDICTION_ID_HEADER: str(result.id)}
        if result.truncated:
            headers[TRUNCATED_HEADER] = "true"
        return JSONResponse(
            {"label": result.label, "score": result.confidence, "latency_ms": result.latency_ms},
            headers=headers,
        )


class PredictBatchOutput(bentoml.IODescriptor):
    """Prediction results in the order of the texts, or one ApiError."""

    @classmethod
    def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Return the schema of the response."""
        return TypeAdapter(list[BatchItem]).json_schema(*args, **kwargs)

    @classmethod
    async def to_http_response(cls, obj: Any, serde: Any) -> Response:
        """Return the response of this request."""
        if isinstance(obj, ApiError):
            return obj.to_response()
        return JSONResponse(
            [
                {
                    "prediction_id": str(result.id),
                    "label": result.label,
                    "score": result.confidence,
                    "scores": result.scores,
                    "truncated": result.truncated,
                }
                for result in obj
            ]
        )
