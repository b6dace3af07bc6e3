"""The body reader accepts what the standard library's JSON parser accepts, however it arrives."""

import asyncio
import itertools
import json
from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.datastructures import Headers
from starlette.types import Message

from api.contract.errors import ApiError
from api.contract.requests import MAX_TEXT_CHARACTERS, WHITE_SPACE, PredictRequest
from api.http.body_reader import BodyReader

HEADERS = Headers({"content-type": "application/json"})
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
OBJECTS_WITH_A_TEXT = st.fixed_dictionaries(
    {"text": st.text() | JSON_VALUES}, optional={"lang": JSON_VALUES}
)
# Random bytes, any JSON, and valid bodies with one byte replaced.
BODIES = st.one_of(
    st.binary(),
    st.builds(json.dumps, JSON_VALUES | OBJECTS_WITH_A_TEXT, ensure_ascii=st.booleans()).map(
        str.encode
    ),
    st.builds(
        lambda text, place, byte: _with_byte(json.dumps({"text": text}).encode(), place, byte),
        st.text(),
        st.integers(0, 100),
        st.binary(max_size=2),
    ),
)


def _with_byte(body: bytes, place: int, byte: bytes) -> bytes:
    place %= len(body)
    return body[:place] + byte + body[place + 1 :]


def read(pieces: Sequence[bytes]) -> str | None:
    """Return the text of a body that arrives in these pieces, None if it is rejected with 400."""
    messages: list[Message] = [
        {"type": "http.request", "body": piece, "more_body": True} for piece in pieces
    ]
    messages.append({"type": "http.request", "body": b"", "more_body": False})

    async def receive() -> Message:
        return messages.pop(0)

    try:
        parsed = asyncio.run(BodyReader().read(PredictRequest, HEADERS, receive))
    except ApiError as error:
        status = error.status
    else:
        return parsed.body.all_texts()[0]
    assert 400 == status
    return None


def expected(body: bytes) -> str | None:
    """Return the same by the standard library's parser and the limits of the README."""
    try:
        value: Any = json.loads(body.decode("utf-8"), parse_constant=_reject)
        text = value["text"]
        text.encode("utf-8")  # lone surrogates fail
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    has_one_field = isinstance(value, dict) and {"text"} == set(value)
    is_text = isinstance(text, str) and text.strip(WHITE_SPACE) and len(text) <= MAX_TEXT_CHARACTERS
    return text if has_one_field and is_text else None


def _reject(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


@settings(max_examples=2000, deadline=None, database=None)
@given(BODIES)
def test_a_body_is_read_as_the_standard_library_reads_it(body: bytes) -> None:
    assert expected(body) == read([body])


@settings(max_examples=500, deadline=None, database=None)
@given(BODIES, st.lists(st.integers(0, 60), max_size=6))
def test_a_body_may_arrive_in_any_pieces(body: bytes, cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(body)]
    pieces = [body[start:end] for start, end in itertools.pairwise(places)]

    assert read([b"".join(pieces)]) == read(pieces)


def test_white_space_may_precede_the_body_but_no_byte_order_mark() -> None:
    assert [None, "fine"] == [
        read([mark + b'{"text": "fine"}']) for mark in (b"\xef\xbb\xbf", b" \t\r\n")
    ]
