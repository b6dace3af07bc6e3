"""Find the text that makes a body invalid JSON.

The parser rejects the whole body, and reports a line and a column instead of the text. Only
rejected bodies are searched.
"""

import json
import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass

# Enough for 128 texts with their commas and a few more fields; then the search ends.
MAX_TOKENS = 400
# A string ends at the first unescaped quote, even if it is invalid: in UTF-8, quote and backslash
# are part of no other character. Possessive quantifiers, so that no byte is read twice.
TOKEN = re.compile(
    rb'[ \t\n\r]*+(?:"(?P<string>[^"\\]*+(?:\\.[^"\\]*+)*+)"'
    rb"|(?P<scalar>[-+.0-9A-Za-z]++)|(?P<mark>[\[\]{}:,]))",
    re.DOTALL,
)
BRACE, COLON, COMMA = ("mark", b"{"), ("mark", b":"), ("mark", b",")
BRACKET, CLOSING_BRACKET = ("mark", b"["), ("mark", b"]")
END = ("end", b"")
CONTROL_CHARACTER = re.compile("[\x00-\x1f]")
LONE_SURROGATE = re.compile("[\ud800-\udfff]")
BYTE_ORDER_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")

Token = tuple[str, bytes]
Location = tuple[str | int, ...]
Strings = Generator[tuple[Location, bytes], None, bool]


@dataclass(frozen=True, slots=True)
class InvalidText:
    """A text that is not valid JSON: its location in the body, and the problem."""

    loc: Location
    msg: str


def find_invalid_text(body: bytes, field: str) -> InvalidText | None:
    """Return the first invalid string if it is the value of ``field``, or in its list.

    Return None if it is elsewhere, or after nested values or MAX_TOKENS tokens.
    """
    for loc, content in _strings_of_object(_tokens(body)):
        if (problem := _problem(content)) is not None:
            return InvalidText(loc, problem) if loc[:1] == (field,) else None
    return None


def has_other_encoding(body: bytes) -> bool:
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
    """Yield each string with its location, which is ``()`` for names.

    End at anything but an object of strings, other scalars, and lists of both.
    """
    separator = BRACE
    while next(tokens, END) == separator:
        separator = COMMA
        kind, name = next(tokens, END)
        if kind != "string":
            return False
        yield (), name
        loc = (json.loads(b'"%b"' % name),)
        if next(tokens, END) != COLON or not (yield from _strings_of_value(tokens, loc)):
            return False
    return True


def _strings_of_value(tokens: Iterator[Token], loc: Location) -> Strings:
    """Yield the strings of a value; return whether the value is complete."""
    token = next(tokens, END)
    if token != BRACKET:
        return (yield from _string(token, loc))
    token = next(tokens, END)
    index = 0
    while token != CLOSING_BRACKET:
        if not (yield from _string(token, (*loc, index))):
            return False
        token = next(tokens, END)
        if token == COMMA:
            token = next(tokens, END)
            index += 1
        elif token != CLOSING_BRACKET:
            return False
    return True


def _string(token: Token, loc: Location) -> Strings:
    kind, content = token
    if kind == "string":
        yield loc, content
    return kind in ("string", "scalar")


def _problem(content: bytes) -> str | None:
    """Return the problem of a string, given without its quotes, or None."""
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
    if found := LONE_SURROGATE.search(text):
        return f"must be Unicode: \\u{ord(found[0]):04x} is half of a surrogate pair"
    return None
