"""The OpenAPI document. BentoML's own lacks our errors, and shows its version."""

import json
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from starlette.requests import Request
from starlette.responses import Response

from api.contract.requests import MAX_TEXTS_PER_REQUEST, PredictBatchRequest, PredictRequest
from api.contract.responses import (
    PREDICTION_ID_HEADER,
    TRUNCATED_HEADER,
    BatchItem,
    ModelDescription,
    PredictResponse,
)
from api.http.body_reader import BODY_TIMEOUT_S, JSON_MEDIA_TYPE, MAX_BODY_BYTES
from api.http.headers import REQUEST_ID_HEADER
from api.http.middleware import REQUEST_TIMEOUT_S
from api.settings import ANY, ApiSettings

Json = dict[str, Any]

TITLE = "Tweet sentiment API"
DESCRIPTION = f"""Classifies tweets as negative, neutral or positive, and records every prediction.

If the service has API keys, send one in `Authorization: Bearer KEY` or `X-API-Key: KEY`. Request
bodies are JSON of at most {MAX_BODY_BYTES:,} bytes. Every response has the header
`{REQUEST_ID_HEADER}`: the one of the request if it is a short word, else a new one. Every error is
an object with `error`, and `detail` if there is more to say."""

ERRORS: Mapping[int, str] = {
    HTTPStatus.BAD_REQUEST: "Invalid JSON, or an invalid, missing or unknown field.",
    HTTPStatus.UNAUTHORIZED: "The API key is missing or invalid.",
    HTTPStatus.REQUEST_TIMEOUT: f"The body did not arrive within {BODY_TIMEOUT_S:.0f} s.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: f"The body is larger than {MAX_BODY_BYTES:,} bytes.",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "Content-Type is not application/json.",
    HTTPStatus.TOO_MANY_REQUESTS: "Too many texts are waiting: see `Retry-After`.",
    HTTPStatus.INTERNAL_SERVER_ERROR: "An internal error, such as the model failing on this text.",
    HTTPStatus.SERVICE_UNAVAILABLE: "Waited too long, or could not be recorded: see `Retry-After`.",
    HTTPStatus.GATEWAY_TIMEOUT: f"Not completed within {REQUEST_TIMEOUT_S:.0f} s.",
}
GET_ERRORS = {
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.GATEWAY_TIMEOUT,
}
WITH_RETRY_AFTER = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
HEALTH = {
    "/livez": "Liveness: 200 unless only a restart helps",
    "/readyz": "Readiness: 200 while predictions can be recorded",
    "/healthz": "The same as `/livez`",
}


class ErrorDetail(BaseModel):
    """One problem; ``loc`` is the path of names and indices to it in the body."""

    loc: list[str | int]
    msg: str
    type: str = ""


class ErrorResponse(BaseModel):
    """The body of every error."""

    error: str
    detail: list[ErrorDetail] = []


MODELS = (PredictRequest, PredictBatchRequest, PredictResponse, BatchItem, ModelDescription)


def openapi_document(settings: ApiSettings) -> Json:
    """Return the OpenAPI 3.0 document of a service with these settings."""
    _, schemas = models_json_schema(
        [(model, "validation") for model in (*MODELS, ErrorResponse)],
        ref_template="#/components/schemas/{model}",
    )
    operations = _operations()
    for path in operations:
        if _is_public(path, settings):
            (operation,) = operations[path].values()
            operation["security"] = []
            del operation["responses"]["401"]
    return {
        "openapi": "3.0.2",
        "info": {"title": TITLE, "version": "1", "description": DESCRIPTION},
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


def _operations() -> dict[str, Json]:
    """Return the operation of each path, as if all needed a key."""
    prediction_id = _header(
        PREDICTION_ID_HEADER, "The id of the recorded row.", type="string", format="uuid"
    )
    truncated = _header(
        TRUNCATED_HEADER,
        "Present if the text is longer than the model can read: it read the beginning.",
        type="string",
        enum=["true"],
    )
    batch: Json = {"type": "array", "items": _ref(BatchItem)}
    return {
        "/predict": _post(
            "Classify one tweet",
            PredictRequest,
            _json(_ref(PredictResponse)),
            prediction_id | truncated,
        ),
        "/predict_batch": _post(
            f"Classify up to {MAX_TEXTS_PER_REQUEST} tweets, all or none",
            PredictBatchRequest,
            _json(batch),
        ),
        "/model": _get("The model that is served", _json(_ref(ModelDescription))),
        "/metrics": _get("Metrics for Prometheus", _text()),
        "/docs.json": _get("OpenAPI document", _json({"type": "object"})),
        "/schema.json": _get("Schema for Python clients", _json({"type": "object"})),
        **{path: _get(summary, _text(), {503}) for path, summary in HEALTH.items()},
    }


@cache
def _document() -> bytes:
    return json.dumps(openapi_document(ApiSettings())).encode()


async def send_document(_request: Request) -> Response:
    """Answer ``GET /docs.json``."""
    return Response(_document(), media_type=JSON_MEDIA_TYPE)


def _is_public(path: str, settings: ApiSettings) -> bool:
    """Return whether a path needs no key. Independent of ApiKeys, so that tests compare both."""
    return (
        not settings.keys
        or path in HEALTH
        or any(
            path.startswith(each.removesuffix(ANY)) if each.endswith(ANY) else path == each
            for each in settings.paths
        )
    )


def _post(summary: str, body: type[BaseModel], content: Json, headers: Json | None = None) -> Json:
    operation: Json = {
        "summary": summary,
        "tags": ["Predictions"],
        "requestBody": {"required": True, **_json(_ref(body))},
        "responses": _responses(content, ERRORS, headers),
    }
    return {"post": operation}


def _get(summary: str, content: Json, more_errors: Collection[int] = ()) -> Json:
    errors = {*GET_ERRORS, *more_errors}
    operation: Json = {
        "summary": summary,
        "tags": ["Operation"],
        "responses": _responses(content, [each for each in ERRORS if each in errors]),
    }
    return {"get": operation}


def _responses(content: Json, errors: Iterable[int], headers: Json | None = None) -> Json:
    retry = _header("Retry-After", "Seconds after which to retry.", type="integer")
    responses = {"200": _response("Success.", content, headers or {})}
    for status in errors:
        more = retry if status in WITH_RETRY_AFTER else {}
        responses[str(int(status))] = _response(ERRORS[status], _json(_ref(ErrorResponse)), more)
    return responses


def _response(description: str, content: Json, headers: Json) -> Json:
    named = _header(REQUEST_ID_HEADER, "The id of the request, which the log shows.", type="string")
    return {"description": description, **content, "headers": named | headers}


def _header(name: str, description: str, **schema: Any) -> Json:
    return {name: {"description": description, "schema": schema}}


def _json(schema: Json) -> Json:
    return {"content": {"application/json": {"schema": schema}}}


def _text() -> Json:
    return {"content": {"text/plain": {"schema": {"type": "string"}}}}


def _ref(model: type[BaseModel]) -> Json:
    return {"$ref": f"#/components/schemas/{model.__name__}"}
