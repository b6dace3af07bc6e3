"""The OpenAPI document describes what the service does."""

import asyncio
import json
import sys
from typing import Any

import jsonschema_rs
import pytest
from starlette.requests import Request

from api.contract.requests import WHITE_SPACE
from api.http.openapi import openapi_document, send_document
from api.settings import ApiSettings

WITH_KEYS = {"api_keys": "the-key", "public_paths": "/metrics,/docs*"}
DOCUMENT = openapi_document(ApiSettings.model_validate(WITH_KEYS))
TEXT = DOCUMENT["components"]["schemas"]["PredictRequest"]["properties"]["text"]


def test_it_has_a_title_a_version_and_a_description() -> None:
    assert {"title", "version", "description"} == set(DOCUMENT["info"])


@pytest.mark.parametrize("path", ["/predict", "/predict_batch", "/model", "/metrics", "/readyz"])
def test_it_describes_every_path(path: str) -> None:
    assert path in DOCUMENT["paths"]


def test_a_text_is_a_string_with_limits() -> None:
    assert ("string", 1, 5000) == (TEXT["type"], TEXT["minLength"], TEXT["maxLength"])


def test_the_service_and_the_schema_agree_on_what_is_blank() -> None:
    validator = jsonschema_rs.validator_for({"type": "string", "pattern": TEXT["pattern"]})
    characters = (chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000)

    assert set(WHITE_SPACE) == {each for each in characters if not validator.is_valid(each)}


def test_truncation_is_described() -> None:
    headers = DOCUMENT["paths"]["/predict"]["post"]["responses"]["200"]["headers"]
    item = DOCUMENT["components"]["schemas"]["BatchItem"]

    assert ["true"] == headers["X-Truncated"]["schema"]["enum"]
    assert {"prediction_id", "label", "score", "scores", "truncated"} == set(item["required"])


def test_it_names_no_library() -> None:
    assert "bentoml" not in str(DOCUMENT).lower()


def public_paths(document: dict[str, Any]) -> set[str]:
    """Return the paths that need no key according to the document."""
    return {
        path
        for path, operations in document["paths"].items()
        for operation in operations.values()
        if operation.get("security") == [] and "401" not in operation["responses"]
    }


def test_only_health_checks_and_public_paths_need_no_key() -> None:
    assert [{"bearer": []}, {"key": []}] == DOCUMENT["security"]
    assert {"/livez", "/readyz", "/healthz", "/metrics", "/docs.json"} == public_paths(DOCUMENT)


def test_no_path_needs_a_key_if_authentication_is_off() -> None:
    document = openapi_document(ApiSettings())

    assert set(document["paths"]) == public_paths(document)


def test_every_response_has_a_request_id() -> None:
    assert all(
        "X-Request-Id" in response["headers"]
        for operations in DOCUMENT["paths"].values()
        for operation in operations.values()
        for response in operation["responses"].values()
    )


def test_it_is_built_once() -> None:
    request = Request({"type": "http"})

    first, second = (asyncio.run(send_document(request)).body for _ in range(2))

    assert openapi_document(ApiSettings()) == json.loads(first)
    assert first is second
