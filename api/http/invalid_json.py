"""Find the text that makes a body invalid JSON.

The parser refuses such a body as a whole, and names a line and a column instead of the text. A body
is searched only after it was refused.
"""

import json
import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass

# Enough for 128 texts with their commas and a few fields more; then the search is given up.
MAX_TOKENS = 400
# A string ends at the first quote that no backslash escapes, whatever is wrong within it: in UTF-8,
# neither byte is part of another character. Possessive, so that no byte is read twice.
TOKEN = re.compile(
    rb'[ \t\n\r]*+(?:"(?P<string>[^"\\]*+(?:\\.[^"\\]*+)*+)"'
    rb"|(?P<scalar>[-+.0-9A-Za-z]++)|(?P<mark>[\[\]{}:,]))",
    re.DOTALL,
)
BRACE, COLON, COMMA = ("mark", b"{"), ("mark", b":"), ("mark", b",")
BRACKET, CLOSING_BRACKET = ("mark", b"["), ("mark", b"]")
END = ("end", b"")
CONTROL_CHARACTER = re.compile("[\x00-\x1f]")
HALF_OF_A_PAIR = re.compile("[\ud800-\udfff]")
BYTE_ORDER_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")

Token = tuple[str, bytes]
Place = tuple[str | int, ...]
Strings = Generator[tuple[Place, bytes], None, bool]


@dataclass(frozen=True, slots=True)
class FaultyText:
    """A text that is not valid JSON: its place in the body, and what is wrong with it."""

    loc: Place
    msg: str


def find_faulty_text(body: bytes, field: str) -> FaultyText | None:
    """Return the first string that is not valid JSON if it is in ``field``, or in its list.

    Returns None if that string is elsewhere, or comes after nested values or ``MAX_TOKENS`` tokens.
    """
    for loc, content in _strings_of_object(_tokens(body)):
        if (fault := _fault(content)) is not None:
            return FaultyText(loc, fault) if loc[:1] == (field,) else None
    return None


def is_other_encoding(body: bytes) -> bool:
    """Return whether a body starts with a byte order mark, or as UTF-16 and UTF-32 do."""
    return body.startswith(BYTE_ORDER_MARKS) or b"\0" in body[:2]


def _tokens(body: bytes) -> Iterator[Token]:
    """Yield the kind and the content of each token."""
    position = 0
    for _ in range(MAX_TOKENS):
        if (found := TOKEN.match(body, position)) is None:
            break
        position = found.end()
        kind = str(found.lastgroup)
        yield kind, found[kind]


def _strings_of_object(tokens: Iterator[Token]) -> Strings:
    """Yield each string with its place, which is ``()`` for names, as long as each is valid.

    Ends where the body is no object of strings, other scalars and lists of both.
    """
    separator = BRACE
    while next(tokens, END) == separator:
        separator = COMMA
        kind, name = next(tokens, END)
        if kind != "string":
            return False
        yield (), name
        place = (json.loads(b'"%b"' % name),)
        if next(tokens, END) != COLON or not (yield from _strings_of_value(tokens, place)):
            return False
    return True


def _strings_of_value(tokens: Iterator[Token], place: Place) -> Strings:
    """Yield the strings of a value; return whether it came to its end."""
    token = next(tokens, END)
    if token != BRACKET:
        return (yield from _string(token, place))
    token = next(tokens, END)
    index = 0
    while token != CLOSING_BRACKET:
        if not (yield from _string(token, (*place, index))):
            return False
        token = next(tokens, END)
        if token == COMMA:
            token = next(tokens, END)
            index += 1
        elif token != CLOSING_BRACKET:
            return False
    return True


def _string(token: Token, place: Place) -> Strings:
    kind, content = token
    if kind == "string":
        yield place, content
    return kind in ("string", "scalar")


def _fault(content: bytes) -> str | None:
    """Return what is wrong with a string, given without its quotes."""
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        return f"must be UTF-8: invalid byte 0x{content[error.start]:02x}"
    if found := CONTROL_CHARACTER.search(text):
        return f"must be JSON: the control character U+{ord(found[0]):04X} must be escaped"
    try:
        text = json.loads(f'"{text}"')
    except json.JSONDecodeError:
        return "must be JSON: invalid escape (write \\\\ for a backslash)"
    if found := HALF_OF_A_PAIR.search(text):
        return f"must be Unicode: \\u{ord(found[0]):04x} is half of a surrogate pair"
    return None
