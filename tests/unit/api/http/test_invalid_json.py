"""The text that makes a body invalid JSON is found, and no other one is reported."""

import json
from itertools import count, takewhile
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from api.contract.requests import MAX_TEXTS_PER_REQUEST, PredictBatchRequest
from api.http.invalid_json import InvalidText, find_invalid_text, has_other_encoding

PROBLEMS = {
    rb"\ud83d": "must be Unicode: \\ud83d is half of a surrogate pair",
    rb"\ude00\ud83d": "must be Unicode: \\ude00 is half of a surrogate pair",
    rb"\ud83d\ud83d\ude00": "must be Unicode: \\ud83d is half of a surrogate pair",
    rb"\\\ud83d": "must be Unicode: \\ud83d is half of a surrogate pair",
    rb"\"\ud83d": "must be Unicode: \\ud83d is half of a surrogate pair",
    b"\xff": "must be UTF-8: invalid byte 0xff",
    b"\xc0\xaf": "must be UTF-8: invalid byte 0xc0",  # an overlong form of /
    b"\xc0\xa2": "must be UTF-8: invalid byte 0xc0",  # an overlong form of a quote
    b"\xed\xa0\xbd": "must be UTF-8: invalid byte 0xed",  # a lone surrogate
    b"\xe2\x82": "must be UTF-8: invalid byte 0xe2",  # an incomplete character
    b"\x00": "must be JSON: the control character U+0000 must be escaped",
    b"two\nlines": "must be JSON: the control character U+000A must be escaped",
    rb"C:\x": r"must be JSON: invalid escape (write \\ for a backslash)",
    rb"\u12g4": r"must be JSON: invalid escape (write \\ for a backslash)",
}
VALID = st.text(st.characters(codec="utf-8"), max_size=20)
# As JSON, with and without escapes.
VALID_JSON = st.builds(json.dumps, VALID, ensure_ascii=st.booleans()).map(str.encode)
SCALARS = st.sampled_from([b"0", b"-1.5e3", b"true", b"null"])
INVALID_JSON = st.builds(
    lambda before, fault, after: before[:-1] + fault + after[1:],
    VALID_JSON,
    st.sampled_from(list(PROBLEMS)),
    VALID_JSON,
)
SPACE = st.sampled_from([b"", b" ", b"\n\t"])
NAMES = st.sampled_from([b'"texts"', rb'"te\u0078ts"', b'"lang"', rb'"\ud800"'])
VALUES = st.recursive(
    VALID_JSON | INVALID_JSON | SCALARS,
    lambda inner: st.lists(inner, max_size=4).map(lambda items: b"[%b]" % b",".join(items)),
    max_leaves=6,
)
OBJECTS = st.lists(st.tuples(NAMES, VALUES), max_size=4).map(
    lambda pairs: b"{%b}" % b",".join(b"%b: %b" % pair for pair in pairs)
)
PIECES = st.sampled_from([b"", *PROBLEMS, *(bytes([byte]) for byte in b'{}[]:,"\\ \n')])
CHANGES = st.lists(st.tuples(st.integers(0, 200), st.integers(0, 2), PIECES), max_size=2)


@pytest.mark.parametrize(("problem", "msg"), PROBLEMS.items())
def test_a_problem_is_found_in_a_text_and_in_a_list(problem: bytes, msg: str) -> None:
    single = find_invalid_text(b'{"text": "one %b two"}' % problem, "text")
    listed = find_invalid_text(b'{"texts": ["fine", 3, "%b", "%b"]}' % (problem, problem), "texts")

    assert InvalidText(("text",), msg) == single
    assert InvalidText(("texts", 2), msg) == listed


@pytest.mark.parametrize(
    ("body", "loc"),
    [
        (rb'{"lang": "en", "texts": ["a", "\ud800"]}', ("texts", 1)),
        (rb'{"lang": ["en", "de"], "texts": ["\ud800"]}', ("texts", 0)),
        (rb'{"lang": [], "texts": ["a, \"b\", [c]", "\ud800"]}', ("texts", 1)),
        (rb'{"te\u0078ts": ["a", "\ud800"]}', ("texts", 1)),
        (rb'{"texts": ["a", "b"], "texts": ["c", "\ud800", "d"]}', ("texts", 1)),
        (rb'{"texts": ["\ud800"], "texts": ["fine"]}', ("texts", 0)),
        (rb'{"texts": "\ud800"}', ("texts",)),
        (b'{"texts":["' + b'a","' * 127 + b'\xff"]}', ("texts", 127)),
    ],
)
def test_it_is_found_among_other_fields_and_values(body: bytes, loc: tuple[str | int, ...]) -> None:
    found = find_invalid_text(body, "texts")

    assert found is not None
    assert loc == found.loc


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"texts": ["a", "b"',
        b'{"texts": ["a", "b',
        b'{"texts": ["a", "b\\"]}',
        rb'["\ud800"]',
        rb'{"texts": ["a"], "lang": "\ud800"}',
        rb'{"lang": "\ud800", "texts": ["\ud800"]}',
        rb'{"\ud800": 1, "texts": ["\ud800"]}',
        rb'{"more": {"texts": ["\ud800"]}}',
        rb'{"texts": [["\ud800"]]}',
        rb'{"texts": [{"text": "a"}, "\ud800"]}',
        rb'{"texts": ["a" "\ud800"]}',
        rb'{"texts" ["\ud800"]}',
        rb'{"texts": ["a"]} {"texts": ["\ud800"]}',
        rb'{"texts": ["a"]}, "texts": ["\ud800"]}',
        rb'{"texts": [\ud800]}',
        rb'{"texts": [$ "\ud800"]}',
        b'{"texts": [' + b'"a",' * 10_000 + b'"\xff"]}',
    ],
)
def test_no_text_is_reported_for_a_problem_elsewhere(body: bytes) -> None:
    assert find_invalid_text(body, "texts") is None


@settings(max_examples=500, deadline=None, database=None)
@given(
    st.lists(VALID_JSON | SCALARS, max_size=5),
    INVALID_JSON,
    st.lists(VALID_JSON | INVALID_JSON, max_size=3),
    SPACE,
)
def test_the_index_is_that_of_the_first_invalid_text(
    before: list[bytes], invalid: bytes, after: list[bytes], space: bytes
) -> None:
    items = (space + b"," + space).join([*before, invalid, *after])

    found = find_invalid_text(b'{"lang": "en",%b"texts":%b[%b]}' % (space, space, items), "texts")

    assert found is not None
    assert ("texts", len(before)) == found.loc


@settings(max_examples=1000, deadline=None, database=None)
@given(OBJECTS, CHANGES)
def test_only_an_invalid_text_is_reported_for_any_body(
    body: bytes, changes: list[tuple[int, int, bytes]]
) -> None:
    for place, removed, piece in changes:
        start = place % len(body)
        body = body[:start] + piece + body[start + removed :] or b"{"

    found = find_invalid_text(body, "texts")

    if found is not None:
        assert is_rejected(body)
        assert all(is_invalid(text) for text in texts_at(body, found.loc))


def is_rejected(body: bytes) -> bool:
    """Return whether pydantic rejects the body as JSON."""
    try:
        PredictBatchRequest.model_validate_json(body)
    except ValidationError as error:
        return error.errors()[0]["type"] == "json_invalid"
    return False


def texts_at(body: bytes, loc: tuple[Any, ...]) -> list[Any]:
    """Parse a body leniently with the standard library; return the text at a location, if it can.

    If a name occurs twice, the parser may have failed at either: return the invalid one.
    """
    try:
        pairs = json.loads(
            body.decode("utf-8", "surrogateescape"), strict=False, object_pairs_hook=list
        )
    except (ValueError, RecursionError):
        return []
    values: list[Any] = [value for name, value in pairs if name == loc[0]]
    for index in loc[1:]:
        lists = [value for value in values if isinstance(value, list) and index < len(value)]
        values = [value[index] for value in lists]
    return sorted(values, key=is_invalid)[-1:]


def is_invalid(text: Any) -> bool:
    """Return whether a text has an unescaped control character or a lone surrogate."""
    return isinstance(text, str) and any(
        character < " " or "\ud800" <= character <= "\udfff" for character in text
    )


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_other_encodings_are_recognized_by_their_first_bytes(encoding: str) -> None:
    assert has_other_encoding('{"text": "fine"}'.encode(encoding))
    assert not has_other_encoding(b'{"text": "fine"}')


def test_the_search_reaches_the_last_text_of_a_full_request() -> None:
    places = (
        find_invalid_text(b'{"texts":[' + b'"a",' * number + b'"\xff"]}', "texts")
        for number in count()
    )

    assert MAX_TEXTS_PER_REQUEST <= len(list(takewhile(lambda found: found is not None, places)))
