"""The OpenAPI page: exactly what the service takes and answers.

BentoML's own tells nothing of our errors, and names its version.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from starlette.requests import Request
from starlette.responses import Response

from api.contract.requests import PredictBatchRequest, PredictRequest
from api.contract.responses import (
    PREDICTION_ID_HEADER,
    TRUNCATED_HEADER,
    BatchItem,
    ModelDescription,
    PredictResponse,
)
from api.http.body_reader import BODY_TIMEOUT_S, JSON_MEDIA_TYPE, MAX_BODY_BYTES
from api.http.headers import REQUEST_ID_HEADER
from api.settings import ANY, ApiSettings

Json = dict[str, Any]

DESCRIPTION = f"""Classifies tweets, and records every prediction.

A key goes into either of two headers. Bodies are JSON of at most
{MAX_BODY_BYTES:,} bytes. Every answer carries `{REQUEST_ID_HEADER}`, yours if it is a short word;
every error is an object with `error`."""

ERRORS: Mapping[int, str] = {
    HTTPStatus.BAD_REQUEST: "The body is no JSON, or a field is wrong, missing or unknown.",
    HTTPStatus.UNAUTHORIZED: "There is no API key, or none that is known.",
    HTTPStatus.REQUEST_TIMEOUT: f"The body did not arrive within {BODY_TIMEOUT_S:.0f} s.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is too large.",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "The body is not declared as JSON.",
    HTTPStatus.TOO_MANY_REQUESTS: "Too much is waiting.",
    HTTPStatus.INTERNAL_SERVER_ERROR: "Something failed, such as the model on this text.",
    HTTPStatus.SERVICE_UNAVAILABLE: "Not now: it waited too long, or cannot be recorded.",
    HTTPStatus.GATEWAY_TIMEOUT: "Something stood still.",
}
ERRORS_OF_GET = {
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.GATEWAY_TIMEOUT,
}
RETRIABLE = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
HEALTH = {
    "/livez": "Tell whether the process lives.",
    "/readyz": "Tell whether predictions can be recorded now.",
    "/healthz": "The same as `/livez`.",
}


class ErrorDetail(BaseModel):
    """What is wrong where: ``loc`` is the path of names and indices to it in the body."""

    loc: list[str | int]
    msg: str
    type: str = ""


class ErrorAnswer(BaseModel):
    """Every error."""

    error: str
    detail: list[ErrorDetail] = []


MODELS = (PredictRequest, PredictBatchRequest, PredictResponse, BatchItem, ModelDescription)


def describe(settings: ApiSettings) -> Json:
    """Return the whole page, of a service with such settings, as an OpenAPI 3.0 document."""
    _, schemas = models_json_schema(
        [(model, "validation") for model in (*MODELS, ErrorAnswer)],
        ref_template="#/components/schemas/{model}",
    )
    prediction_id = _header(
        PREDICTION_ID_HEADER, "The id of the recorded row.", type="string", format="uuid"
    )
    truncated = _header(
        TRUNCATED_HEADER,
        "Only there if the text is longer than the model can read.",
        type="string",
        enum=["true"],
    )
    batch: Json = {"type": "array", "items": _ref(BatchItem)}
    operations: dict[str, Json] = {
        "/predict": _post(
            "Classify one tweet",
            PredictRequest,
            _json(_ref(PredictResponse)),
            prediction_id | truncated,
        ),
        "/predict_batch": _post(
            "Classify up to 128 tweets, all or none", PredictBatchRequest, _json(batch)
        ),
        "/model": _get("Tell what is being served", _json(_ref(ModelDescription))),
        "/metrics": _get("Tell figures, for Prometheus", _text()),
        "/docs.json": _get("Tell what this page tells", _json({"type": "object"})),
        "/schema.json": _get("Tell the same to clients in Python", _json({"type": "object"})),
        **{path: _get(summary, _text(), {503}) for path, summary in HEALTH.items()},
    }
    for path in operations:
        if _is_public(path, settings):
            (operation,) = operations[path].values()
            operation["security"] = []
            del operation["responses"]["401"]
    return {
        "openapi": "3.0.2",
        "info": {"title": "Sentiment of tweets", "version": "1", "description": DESCRIPTION},
        "servers": [{"url": "."}],
        "security": [{"bearer": []}, {"key": []}],
        "paths": operations,
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            },
        },
    }


@cache
def _document() -> bytes:
    return json.dumps(describe(ApiSettings())).encode()


async def send_document(_request: Request) -> Response:
    """Answer the page, which is made once."""
    return Response(_document(), media_type=JSON_MEDIA_TYPE)


def _is_public(path: str, settings: ApiSettings) -> bool:
    """Tell by the settings alone, so that tests of the page also test the guard."""
    return (
        not settings.keys
        or path in HEALTH
        or any(
            path.startswith(each.removesuffix(ANY)) if each.endswith(ANY) else path == each
            for each in settings.paths
        )
    )


def _post(summary: str, body: type[BaseModel], answer: Json, headers: Json | None = None) -> Json:
    operation: Json = {
        "summary": summary,
        "tags": ["Predictions"],
        "requestBody": {"required": True, **_json(_ref(body))},
        "responses": _responses(answer, ERRORS, headers),
    }
    return {"post": operation}


def _get(summary: str, answer: Json, more_errors: Collection[int] = ()) -> Json:
    errors = {*ERRORS_OF_GET, *more_errors}
    operation: Json = {
        "summary": summary,
        "tags": ["Operation"],
        "responses": _responses(answer, [each for each in ERRORS if each in errors]),
    }
    return {"get": operation}


def _responses(answer: Json, errors: Iterable[int], headers: Json | None = None) -> Json:
    later = _header("Retry-After", "Seconds after which to come again.", type="integer")
    responses = {"200": _response("The answer.", answer, headers or {})}
    for status in errors:
        more = later if status in RETRIABLE else {}
        responses[str(int(status))] = _response(ERRORS[status], _json(_ref(ErrorAnswer)), more)
    return responses


def _response(description: str, content: Json, headers: Json) -> Json:
    named = _header(REQUEST_ID_HEADER, "The request's name in the log.", type="string")
    return {"description": description, **content, "headers": named | headers}


def _header(name: str, description: str, **schema: Any) -> Json:
    return {name: {"description": description, "schema": schema}}


def _json(schema: Json) -> Json:
    return {"content": {"application/json": {"schema": schema}}}


def _text() -> Json:
    return {"content": {"text/plain": {"schema": {"type": "string"}}}}


def _ref(model: type[BaseModel]) -> Json:
    return {"$ref": f"#/components/schemas/{model.__name__}"}
