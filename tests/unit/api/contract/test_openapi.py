"""The OpenAPI page says what is so."""

import asyncio
import json
import sys
from typing import Any

import jsonschema_rs
import pytest
from starlette.requests import Request

from api.contract.openapi import describe, send_document
from api.contract.requests import WHITE_SPACE
from api.settings import ApiSettings

WITH_KEYS = {"api_keys": "the-key", "public_paths": "/metrics,/docs*"}
PAGE = describe(ApiSettings.model_validate(WITH_KEYS))


@pytest.mark.parametrize("path", ["/predict", "/predict_batch", "/model", "/metrics", "/readyz"])
def test_every_path_stands_there(path: str) -> None:
    assert path in PAGE["paths"]


def test_a_text_is_a_single_string_with_its_bounds() -> None:
    text = PAGE["components"]["schemas"]["PredictRequest"]["properties"]["text"]

    assert ("string", 1, 5000) == (text["type"], text["minLength"], text["maxLength"])


def test_what_is_blank_to_the_service_is_blank_to_a_reader_of_the_document() -> None:
    text = PAGE["components"]["schemas"]["PredictRequest"]["properties"]["text"]
    validator = jsonschema_rs.validator_for({"type": "string", "pattern": text["pattern"]})
    characters = (chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000)

    assert set(WHITE_SPACE) == {each for each in characters if not validator.is_valid(each)}


def test_the_mark_of_a_text_that_was_read_in_part_is_described() -> None:
    headers = PAGE["paths"]["/predict"]["post"]["responses"]["200"]["headers"]
    item = PAGE["components"]["schemas"]["BatchItem"]

    assert ["true"] == headers["X-Truncated"]["schema"]["enum"]
    assert {"prediction_id", "label", "score", "scores", "truncated"} == set(item["required"])


def test_it_names_no_library() -> None:
    assert "bentoml" not in str(PAGE).lower()


def open_paths(page: dict[str, Any]) -> set[str]:
    """Return the paths of which the page says that they need no key."""
    return {
        path
        for path, operations in page["paths"].items()
        for operation in operations.values()
        if operation.get("security") == [] and "401" not in operation["responses"]
    }


def test_all_but_health_checks_and_public_paths_need_a_key() -> None:
    assert [{"bearer": []}, {"key": []}] == PAGE["security"]
    assert {"/livez", "/readyz", "/healthz", "/metrics", "/docs.json"} == open_paths(PAGE)


def test_an_open_service_needs_none() -> None:
    page = describe(ApiSettings())

    assert set(page["paths"]) == open_paths(page)


def test_every_answer_tells_the_id_of_its_request() -> None:
    answers = [
        answer
        for operations in PAGE["paths"].values()
        for operation in operations.values()
        for answer in operation["responses"].values()
    ]

    assert all("X-Request-Id" in answer["headers"] for answer in answers)


def test_the_page_is_made_once() -> None:
    request = Request({"type": "http"})

    first, second = (asyncio.run(send_document(request)).body for _ in range(2))

    assert describe(ApiSettings()) == json.loads(first)
    assert first is second
