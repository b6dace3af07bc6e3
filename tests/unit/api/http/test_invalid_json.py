"""The text that makes a body invalid is found, and no other one is blamed."""

import json
from itertools import count, takewhile
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from api.contract.requests import MAX_TEXTS_PER_REQUEST, PredictBatchRequest
from api.http.invalid_json import InvalidText, find_invalid_text, has_other_encoding

FAULTS = {
    rb"\ud83d": "must be Unicode: \\ud83d is half of a surrogate pair",
    rb"\ude00\ud83d": "must be Unicode: \\ude00 is half of a surrogate pair",
    rb"\ud83d\ud83d\ude00": "must be Unicode: \\ud83d is half of a surrogate pair",
    rb"\\\ud83d": "must be Unicode: \\ud83d is half of a surrogate pair",
    rb"\"\ud83d": "must be Unicode: \\ud83d is half of a surrogate pair",
    b"\xff": "must be UTF-8: invalid byte 0xff",
    b"\xc0\xaf": "must be UTF-8: invalid byte 0xc0",  # a longer form of /
    b"\xc0\xa2": "must be UTF-8: invalid byte 0xc0",  # of a quote
    b"\xed\xa0\xbd": "must be UTF-8: invalid byte 0xed",  # half of a pair
    b"\xe2\x82": "must be UTF-8: invalid byte 0xe2",  # the beginning of a character
    b"\x00": "must be JSON: the control character U+0000 must be escaped",
    b"two\nlines": "must be JSON: the control character U+000A must be escaped",
    rb"C:\x": r"must be JSON: invalid escape (write \\ for a backslash)",
    rb"\u12g4": r"must be JSON: invalid escape (write \\ for a backslash)",
}
SOUND = st.text(st.characters(codec="utf-8"), max_size=20)
# As JSON, with and without escapes.
SOUND_JSON = st.builds(json.dumps, SOUND, ensure_ascii=st.booleans()).map(str.encode)
SCALARS = st.sampled_from([b"0", b"-1.5e3", b"true", b"null"])
FAULTY_JSON = st.builds(
    lambda before, fault, after: before[:-1] + fault + after[1:],
    SOUND_JSON,
    st.sampled_from(list(FAULTS)),
    SOUND_JSON,
)
SPACE = st.sampled_from([b"", b" ", b"\n\t"])
NAMES = st.sampled_from([b'"texts"', rb'"te\u0078ts"', b'"lang"', rb'"\ud800"'])
VALUES = st.recursive(
    SOUND_JSON | FAULTY_JSON | SCALARS,
    lambda inner: st.lists(inner, max_size=4).map(lambda items: b"[%b]" % b",".join(items)),
    max_leaves=6,
)
OBJECTS = st.lists(st.tuples(NAMES, VALUES), max_size=4).map(
    lambda pairs: b"{%b}" % b",".join(b"%b: %b" % pair for pair in pairs)
)
PIECES = st.sampled_from([b"", *FAULTS, *(bytes([byte]) for byte in b'{}[]:,"\\ \n')])
CHANGES = st.lists(st.tuples(st.integers(0, 200), st.integers(0, 2), PIECES), max_size=2)


@pytest.mark.parametrize(("fault", "msg"), FAULTS.items())
def test_a_fault_is_found_in_a_text_and_in_a_list_of_texts(fault: bytes, msg: str) -> None:
    single = find_invalid_text(b'{"text": "one %b two"}' % fault, "text")
    listed = find_invalid_text(b'{"texts": ["fine", 3, "%b", "%b"]}' % (fault, fault), "texts")

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
def test_it_is_found_in_other_company(body: bytes, loc: tuple[str | int, ...]) -> None:
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
def test_no_text_is_blamed_for_what_is_wrong_elsewhere(body: bytes) -> None:
    assert find_invalid_text(body, "texts") is None


@settings(max_examples=500, deadline=None, database=None)
@given(
    st.lists(SOUND_JSON | SCALARS, max_size=5),
    FAULTY_JSON,
    st.lists(SOUND_JSON | FAULTY_JSON, max_size=3),
    SPACE,
)
def test_the_index_is_that_of_the_first_faulty_text(
    before: list[bytes], faulty: bytes, after: list[bytes], space: bytes
) -> None:
    items = (space + b"," + space).join([*before, faulty, *after])

    found = find_invalid_text(b'{"lang": "en",%b"texts":%b[%b]}' % (space, space, items), "texts")

    assert found is not None
    assert ("texts", len(before)) == found.loc


@settings(max_examples=1000, deadline=None, database=None)
@given(OBJECTS, CHANGES)
def test_whatever_the_body_only_a_faulty_text_is_blamed(
    body: bytes, changes: list[tuple[int, int, bytes]]
) -> None:
    for place, removed, piece in changes:
        start = place % len(body)
        body = body[:start] + piece + body[start + removed :] or b"{"

    found = find_invalid_text(body, "texts")

    if found is not None:
        assert is_refused(body)
        assert all(is_faulty(text) for text in texts_at(body, found.loc))


def is_refused(body: bytes) -> bool:
    """Return whether the parser of bodies says that this is no JSON."""
    try:
        PredictBatchRequest.model_validate_json(body)
    except ValidationError as error:
        return error.errors()[0]["type"] == "json_invalid"
    return False


def texts_at(body: bytes, loc: tuple[Any, ...]) -> list[Any]:
    """Read a body as leniently as the standard library can; return the text there, if it can.

    Where a name stands twice, the parser may have failed at either: the faulty one is returned.
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
    return sorted(values, key=is_faulty)[-1:]


def is_faulty(text: Any) -> bool:
    """Return whether a text holds what no JSON text may hold unescaped, or half of a pair."""
    return isinstance(text, str) and any(
        character < " " or "\ud800" <= character <= "\udfff" for character in text
    )


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_other_encodings_are_told_by_their_first_bytes(encoding: str) -> None:
    assert has_other_encoding('{"text": "fine"}'.encode(encoding))
    assert not has_other_encoding(b'{"text": "fine"}')


def test_as_many_texts_are_read_as_a_body_may_hold() -> None:
    places = (
        find_invalid_text(b'{"texts":[' + b'"a",' * number + b'"\xff"]}', "texts")
        for number in count()
    )

    assert MAX_TEXTS_PER_REQUEST <= len(list(takewhile(lambda found: found is not None, places)))
