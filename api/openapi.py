"""The OpenAPI page: exactly what the service takes and answers.

BentoML's own tells nothing of our errors, and names its version.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from api.answers import PREDICTION_ID_HEADER, BatchItem, ModelDescription, PredictOutput
from api.bodies import BODY_DEADLINE_S, MAX_BODY_BYTES
from api.headers import REQUEST_ID_HEADER
from api.requests import PredictBatchRequest, PredictRequest

Json = dict[str, Any]

DESCRIPTION = f"""Classifies tweets, and records every prediction.

Where keys are set, all but the health checks needs one. Bodies are JSON of at most
{MAX_BODY_BYTES:,} bytes. Every answer carries `{REQUEST_ID_HEADER}`, yours if the request had one;
every error is an object with `error`."""

ERRORS: Mapping[int, str] = {
    HTTPStatus.BAD_REQUEST: "The body is no JSON, or a field is wrong, missing or unknown.",
    HTTPStatus.UNAUTHORIZED: "There is no API key, or none that is known.",
    HTTPStatus.REQUEST_TIMEOUT: f"The body did not arrive within {BODY_DEADLINE_S:.0f} s.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is too large.",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "The body is not declared as JSON.",
    HTTPStatus.TOO_MANY_REQUESTS: "Too much is waiting.",
    HTTPStatus.INTERNAL_SERVER_ERROR: "The model failed on this text.",
    HTTPStatus.SERVICE_UNAVAILABLE: "It waited too long, or could not be recorded.",
    HTTPStatus.GATEWAY_TIMEOUT: "Something stood still.",
}
RETRIABLE = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
HEALTH = {
    "/livez": "Tell whether the process lives.",
    "/readyz": "Tell whether predictions can be recorded now.",
    "/healthz": "The same as `/livez`.",
}


class ErrorDetail(BaseModel):
    """What is wrong where: the path of names and indices to it in the body."""

    loc: list[str | int]
    msg: str


class ErrorAnswer(BaseModel):
    """Every error."""

    error: str
    detail: list[ErrorDetail] = []


MODELS = (PredictRequest, PredictBatchRequest, PredictOutput, BatchItem, ModelDescription)


def describe() -> Json:
    """Return the whole page as an OpenAPI 3.0 document."""
    _, schemas = models_json_schema(
        [(model, "validation") for model in (*MODELS, ErrorAnswer)],
        ref_template="#/components/schemas/{model}",
    )
    id_header = _header(PREDICTION_ID_HEADER, "The id of the recorded row.", "uuid")
    batch: Json = {"type": "array", "items": _ref(BatchItem)}
    return {
        "openapi": "3.0.2",
        "info": {"title": "Sentiment of tweets", "version": "1", "description": DESCRIPTION},
        "servers": [{"url": "."}],
        "security": [{}, {"bearer": []}, {"key": []}],
        "paths": {
            "/predict": _post(
                "Classify one tweet", PredictRequest, _json(_ref(PredictOutput)) | id_header
            ),
            "/predict_batch": _post(
                "Classify up to 128 tweets, all or none", PredictBatchRequest, _json(batch)
            ),
            "/model": _get("Tell what is being served", _json(_ref(ModelDescription))),
            "/metrics": _get("Tell figures, for Prometheus", _text()),
            **{path: _get(summary, _text(), {503: "Not now."}) for path, summary in HEALTH.items()},
        },
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            },
        },
    }


def _post(summary: str, body: type[BaseModel], answer: Json) -> Json:
    operation: Json = {
        "summary": summary,
        "tags": ["Predictions"],
        "requestBody": {"required": True, **_json(_ref(body))},
        "responses": {"200": {"description": "The answer.", **answer}, **_errors(ERRORS)},
    }
    return {"post": operation}


def _get(summary: str, answer: Json, errors: Mapping[int, str] | None = None) -> Json:
    errors = errors or {401: ERRORS[HTTPStatus.UNAUTHORIZED]}
    operation: Json = {
        "summary": summary,
        "tags": ["Operation"],
        "responses": {"200": {"description": "The answer.", **answer}, **_errors(errors)},
    }
    return {"get": operation}


def _errors(meanings: Mapping[int, str]) -> Json:
    later = _header("Retry-After", "Seconds after which to come again.", "")
    return {
        str(int(status)): {
            "description": meaning,
            **_json(_ref(ErrorAnswer)),
            **(later if status in RETRIABLE else {}),
        }
        for status, meaning in meanings.items()
    }


def _header(name: str, description: str, text_format: str) -> Json:
    schema = {"type": "string", "format": text_format} if text_format else {"type": "integer"}
    return {"headers": {name: {"description": description, "schema": schema}}}


def _json(schema: Json) -> Json:
    return {"content": {"application/json": {"schema": schema}}}


def _text() -> Json:
    return {"content": {"text/plain": {"schema": {"type": "string"}}}}


def _ref(model: type[BaseModel]) -> Json:
    return {"$ref": f"#/components/schemas/{model.__name__}"}
