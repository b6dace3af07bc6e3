"""The OpenAPI page says what is so."""

import sys

import jsonschema_rs
import pytest

from api.openapi import describe
from api.requests import WHITE_SPACE


@pytest.mark.parametrize("path", ["/predict", "/predict_batch", "/model", "/metrics", "/readyz"])
def test_every_path_stands_there(path: str) -> None:
    assert path in describe()["paths"]


def test_a_text_is_a_single_string_with_its_bounds() -> None:
    text = describe()["components"]["schemas"]["PredictRequest"]["properties"]["text"]

    assert ("string", 1, 5000) == (text["type"], text["minLength"], text["maxLength"])


def test_what_is_blank_to_the_service_is_blank_to_a_reader_of_the_page() -> None:
    text = describe()["components"]["schemas"]["PredictRequest"]["properties"]["text"]
    validator = jsonschema_rs.validator_for({"type": "string", "pattern": text["pattern"]})
    characters = (chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000)

    assert set(WHITE_SPACE) == {each for each in characters if not validator.is_valid(each)}


def test_it_names_no_library() -> None:
    assert "bentoml" not in str(describe()).lower()
