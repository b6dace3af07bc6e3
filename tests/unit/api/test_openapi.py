"""The OpenAPI page says what is so."""

import re
import sys

import pytest

from api.openapi import describe
from api.requests import NOT_BLANK


@pytest.mark.parametrize("path", ["/predict", "/predict_batch", "/model", "/metrics", "/readyz"])
def test_every_path_stands_there(path: str) -> None:
    assert path in describe()["paths"]


def test_a_text_is_a_single_string_with_its_bounds() -> None:
    text = describe()["components"]["schemas"]["PredictRequest"]["properties"]["text"]

    assert ("string", 1, 5000) == (text["type"], text["minLength"], text["maxLength"])


def test_what_the_page_calls_blank_is_what_is_refused() -> None:
    blank = {chr(code) for code in range(sys.maxunicode + 1) if not chr(code).strip()}

    assert blank == {
        chr(code) for code in range(sys.maxunicode + 1) if not re.search(NOT_BLANK, chr(code))
    }


def test_it_names_no_library() -> None:
    assert "bentoml" not in str(describe()).lower()
