"""Normalize tweets into the form that the model was trained on.

Training and serving both call `normalize`; nothing else changes a text before the tokenizer. The
module needs only the standard library, since it is published with each model. docs/texts.md has
the effect of each step on accuracy.
"""

import re
from html.entities import html5

USER_PLACEHOLDER = "@user"
LINK_PLACEHOLDER = "http"

MAX_DECODING_ROUNDS = 3  # `\u0026lt;` is an escaped entity

_ESCAPE = re.compile(
    r"""
    \\(?<!\\\\)\\*+                                   # from the first backslash of several on
      (?: (?P<unit> u[0-9a-fA-F]{4}                   # \u2019: JSON; a pair of them is an emoji
                  | U[0-9a-fA-F]{8}                   # \U0001F600: Python
                  | u\{[0-9a-fA-F]{1,6}\} )           # \u{1F600}: JavaScript
        | (?P<bytes> x[0-9a-fA-F]{2} (?:\\++x[0-9a-fA-F]{2})* )  # \xe2\x80\x99: Python
        | (?P<letter>[nrt"'])
        | (?<=[\w:/]\\) (?P<slash>/) (?=[\w/\\]) )    # http:\/\/: PHP; :-\/ is an emoticon
    | <(?P<r_unit>U\+[0-9a-fA-F]{4,8})>               # <U+2019>: R
    """,
    re.VERBOSE,
)
_PATH = re.compile(  # C:\new has no escapes
    r"""((?<![^\s"'(])[Cc]:\\++(?!u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2})\w{2}\S*)"""
)
_LETTERS = {"n": "\n", "r": "\r", "t": "\t"}
_ENTITY = re.compile(
    r"""
    & (?:amp;)*                                       # encoded any number of times
    (?: \#(?P<number>[xX][0-9a-fA-F]{1,6}|[0-9]{1,7})(?P<end>;?)
      | (?P<name>[A-Za-z][A-Za-z0-9]{1,30};)
      | (?P<bare>amp|lt|gt|quot|nbsp)(?![A-Za-z=]) )  # &lt3, but not the &lt= of a link
    """,
    re.VERBOSE,
)
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_HALF = re.compile("[\ud800-\udfff]")

# Tokenizers match these anywhere in a text; Unigram ones even with `encode_special_tokens`.
_CONTROL_TOKEN = re.compile(
    r"<(?=/?(?:s|pad|unk|mask|cls|sep|bos|eos)>|\|\w+\|>)|\[(?=(?:pad|unk|mask|cls|sep|bos|eos)\])",
    re.IGNORECASE,
)
# After a letter or a digit, @ is part of an e-mail address, unless the letters are RT, for retweet.
_USER = re.compile(r"(?<![\w@])(RT|rt)?@\w+")
_LINK = re.compile(r"(?<=\w)(https?://.*)|https?://[^()\[\]<>\"“”]*", re.IGNORECASE)


def normalize(text: str) -> str:
    r"""Return the normalized text.

    * HTML entities (``&amp;``) and escapes (``\u2019``) are decoded, also if a text was encoded
      twice. An escape that is no character of a text stays.
    * Any run of white space becomes one blank.
    * A user name becomes ``@user`` and a link ``http``. A word between blanks that begins with
      ``@`` or ``http`` is replaced as a whole; inside of a word, only the name or the link is. A
      name does not follow a letter or a digit, as in an e-mail address.
    * A special token in the text (``</s>``, ``[MASK]``) gets a blank after its bracket, so that
      every tokenizer reads it as text.

    Source of the placeholders: the preprocessing on the model card of
    ``cardiffnlp/twitter-roberta-base-sentiment-latest``.
    """
    if "&" in text or "\\" in text or "<U+" in text:
        text = _decoded_around_paths(text) if ":\\" in text else _decoded(text)
    text = text.replace("\uff20", "@")  # the wide one
    if "<" in text or "[" in text:
        text = _CONTROL_TOKEN.sub(r"\g<0> ", text)
    words = [
        _placeholder(word) if "@" in word or "http" in word or "://" in word else word
        for word in text.split()
    ]
    edges = [""] * text[:1].isspace(), [""] * text[-1:].isspace()
    return " ".join([*edges[0], *words, *edges[1]])


def _placeholder(word: str) -> str:
    if word.startswith("@") and len(word) > 1:
        return USER_PLACEHOLDER
    if word.startswith(LINK_PLACEHOLDER):
        return LINK_PLACEHOLDER
    if "://" in word:
        word = _LINK.sub(_link, word)
    return _USER.sub(rf"\1{USER_PLACEHOLDER}", word) if "@" in word else word


def _link(match: re.Match[str]) -> str:
    """Separate a link from the letter before it."""
    return f" {LINK_PLACEHOLDER}" if match[1] else LINK_PLACEHOLDER


def _decoded_around_paths(text: str) -> str:
    """Decode entities and escapes, except in paths."""
    parts = _PATH.split(_CONTROL_TOKEN.sub(r"\g<0> ", text))
    return "".join(part if _PATH.match(part) else _decoded(part) for part in parts)


def _decoded(text: str) -> str:
    """Decode entities and escapes."""
    for _ in range(MAX_DECODING_ROUNDS):
        decoded = text
        if "\\" in text or "<U+" in text:
            decoded = _ESCAPE.sub(_escape, decoded)
        if "&" in decoded:
            decoded = _ENTITY.sub(_entity, decoded)
        if decoded == text:
            break
        text = _PAIR.sub(_joined, decoded)
    return _HALF.sub(lambda half: f"\\u{ord(half[0]):04x}", text)


def _escape(match: re.Match[str]) -> str:
    """Return the character of an escape, or the escape itself if texts have no such character."""
    unit = match["unit"] or match["r_unit"]
    if unit:
        return _character(int(unit.strip("uU+{}"), 16)) or match[0]
    if match["bytes"]:
        return _decode_bytes(match["bytes"]) or match[0]
    if match["letter"]:
        return _LETTERS.get(match["letter"], match["letter"])
    return match["slash"] or match[0]


def _entity(match: re.Match[str]) -> str:
    """Return the character of an entity, or the entity itself if texts have no such character."""
    number, end, name, bare = match.group("number", "end", "name", "bare")
    if number is None:
        return html5.get(name or bare, f"&{name}")
    is_hex = number[0] in "xX"
    character = _character(int(number.strip("xX"), 16 if is_hex else 10))
    if character is None or not (end or _is_sign(character)):
        return f"&#{number}{end}"
    return character


def _is_sign(character: str) -> bool:
    """Return whether an entity may lack its semicolon: the number of "Q&#10" is no entity."""
    return not (character.isalnum() or character.isspace())


def _decode_bytes(written: str) -> str | None:
    """Decode ``xe2\\x80\\x99`` as UTF-8, or else as single characters; None if it is no text."""
    encoded = bytes.fromhex(written.replace("\\", "").replace("x", ""))
    try:
        codes = [ord(character) for character in encoded.decode()]
    except UnicodeDecodeError:
        codes = list(encoded)
    characters = [_character(code) for code in codes]
    return None if None in characters else "".join(map(str, characters))


def _character(code: int) -> str | None:
    """Return the character of a code point, None if texts have no such character.

    128 to 159 are read as Windows-1252, as the HTML standard requires.
    """
    if 0x80 <= code < 0xA0:
        return bytes([code]).decode("cp1252", "ignore") or None
    is_control = (code < 0x20 and chr(code) not in "\t\n\r") or code == 0x7F
    return None if is_control or code > 0x10FFFF else chr(code)


def _joined(pair: re.Match[str]) -> str:
    return pair[0].encode("utf-16", "surrogatepass").decode("utf-16")
