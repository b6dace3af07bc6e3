"""Whatever bytes arrive in whatever pieces: they are the JSON that we ask for, or are refused."""

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
BODIES_LIKE_OURS = st.fixed_dictionaries(
    {"text": st.text() | JSON_VALUES}, optional={"lang": JSON_VALUES}
)
# Bytes that are hardly JSON, JSON of all kinds, and what we ask for with one byte exchanged.
BODIES = st.one_of(
    st.binary(),
    st.builds(json.dumps, JSON_VALUES | BODIES_LIKE_OURS, ensure_ascii=st.booleans()).map(
        str.encode
    ),
    st.builds(
        lambda text, place, byte: _exchanged(json.dumps({"text": text}).encode(), place, byte),
        st.text(),
        st.integers(0, 100),
        st.binary(max_size=2),
    ),
)


def _exchanged(body: bytes, place: int, byte: bytes) -> bytes:
    place %= len(body)
    return body[:place] + byte + body[place + 1 :]


def read(pieces: Sequence[bytes]) -> str | None:
    """Return the text that a body of these pieces posts, None where it is refused with 400."""
    messages: list[Message] = [
        {"type": "http.request", "body": piece, "more_body": True} for piece in pieces
    ]
    messages.append({"type": "http.request", "body": b"", "more_body": False})

    async def receive() -> Message:
        return messages.pop(0)

    try:
        validated = asyncio.run(BodyReader().read(PredictRequest, HEADERS, receive))
    except ApiError as refused:
        answer = refused.response
    else:
        return validated.body.all_texts()[0]
    assert 400 == answer.status_code
    return None


def expected(body: bytes) -> str | None:
    """Return the same by the standard library's parser and the words of the README."""
    try:
        value: Any = json.loads(body.decode("utf-8"), parse_constant=_refuse)
        text = value["text"]
        text.encode("utf-8")  # halves of pairs are no text
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    is_alone = isinstance(value, dict) and {"text"} == set(value)
    is_text = isinstance(text, str) and text.strip(WHITE_SPACE) and len(text) <= MAX_TEXT_CHARACTERS
    return text if is_alone and is_text else None


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


@settings(max_examples=2000, deadline=None, database=None)
@given(BODIES)
def test_a_body_is_read_as_the_standard_library_reads_it(body: bytes) -> None:
    assert expected(body) == read([body])


@settings(max_examples=500, deadline=None, database=None)
@given(BODIES, st.lists(st.integers(0, 60), max_size=6))
def test_the_pieces_of_a_body_make_no_difference(body: bytes, cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(body)]
    pieces = [body[start:end] for start, end in itertools.pairwise(places)]

    assert read([b"".join(pieces)]) == read(pieces)


def test_a_byte_order_mark_is_no_white_space() -> None:
    assert [None, "fine"] == [
        read([mark + b'{"text": "fine"}']) for mark in (b"\xef\xbb\xbf", b" \t\r\n")
    ]
