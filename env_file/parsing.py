"""Parse `.env`, and reject lines that compose and python-dotenv would read differently.

Compared with Docker Compose 2.40 (compose-go), docker-compose 1.29 and python-dotenv 1.2;
`tests/unit/env_file/test_readers.py` repeats that with the installed ones.
"""

from __future__ import annotations  # so that an old Python reaches the Makefile's version check

import re
from dataclasses import dataclass
from pathlib import Path

LINE = re.compile(r"[ \t]*(?:export[ \t]+)?([^=\s]+)[ \t]*=([ \t]*)(.*)", re.DOTALL)
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
QUOTED = re.compile(r"""(?:'([^']*)'|"([^"]*)")[ \t]*(?:#.*)?""")
BOM = "\ufeff"
LONE_CR = re.compile(r"\r+(?![\r\n]|\Z)")  # a line end for python-dotenv and compose 1.29
UNCLOSED = "does not end with its quote. Close it on this line, or use the other kind of quote"


class EnvFileError(Exception):
    """Readers would disagree on a `.env`; the text names variables and never shows a value."""


@dataclass(frozen=True)
class Assignment:
    """A line of a `.env` that is not a comment.

    ``line`` counts from 1. ``problem`` is why readers disagree on the line, and the remedy;
    ``value`` is then a guess.
    """

    line: int
    name: str
    value: str
    problem: str = ""


def read_text(path: Path) -> str:
    """Return the text of a `.env` with its line ends, empty if there is no file.

    Raises EnvFileError unless it is UTF-8 with lines that end with LF or CRLF, and OSError.
    """
    try:
        text = path.read_bytes().decode("utf-8") if path.exists() else ""
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise EnvFileError(f"{path} is not UTF-8 text. Save it as UTF-8.")
    if (found := LONE_CR.search(text)) is not None:
        line = text.count("\n", 0, found.start()) + 1
        raise EnvFileError(f"{path}:{line} contains a carriage return. Save it with LF line ends.")
    return text


def parse(text: str) -> list[Assignment]:
    """Return every line of a `.env` that is neither empty nor a comment."""
    if text.startswith(BOM):  # which all readers skip
        text = text[len(BOM) :]
    lines = ((number, line.rstrip("\r")) for number, line in enumerate(text.split("\n"), 1))
    return [
        _assignment(number, line)
        for number, line in lines
        if line.strip(" \t") and not line.lstrip(" \t").startswith("#")
    ]


def _assignment(number: int, line: str) -> Assignment:
    found = LINE.fullmatch(line)
    if found is None:
        return Assignment(number, "", "", "is not NAME=VALUE. Correct it, or make it a comment")
    name, blanks, rest = found.groups()
    if not NAME.fullmatch(name):
        problem = "has a name with other characters than letters, digits and _. Rename it"
        return Assignment(number, "", "", problem)
    if rest[:1] in ("'", '"'):
        return Assignment(number, name, *_quoted(rest))
    if rest.startswith("#") and blanks:
        remedy = "Put the comment on a line of its own, or the value in single quotes"
        return Assignment(number, name, "", f"begins with #, a comment only for Python. {remedy}")
    return Assignment(number, name, *_plain(rest))


def _quoted(rest: str) -> tuple[str, str]:
    """Return the value of a quoted text and its problem."""
    found = QUOTED.fullmatch(rest)
    if found is None:
        return rest, UNCLOSED
    value = found[2] if found[1] is None else found[1]
    carries = _in_double_quotes if found[1] is None else _in_single_quotes
    return value, "" if carries(value) else f"is read differently by readers. {_remedy(value)}"


def _plain(rest: str) -> tuple[str, str]:
    """Return the value of a text without quotes and its problem."""
    value = rest.partition(" #")[0].rstrip(" \t")
    if "\t#" in value:  # part of the value for compose 2
        return value, "has a # after a tab, a comment only for Python. Put a space before the #"
    if value.isprintable() and "$" not in value and "#" not in value:
        return value, ""
    return value, f"is read differently without quotes. {_remedy(value)}"


def _remedy(value: str) -> str:
    if _in_single_quotes(value):
        return "Put the value in single quotes"
    if _in_double_quotes(value):
        return "Put the value in double quotes"
    return "Choose a value without control characters, ${, both quotes, and repeated backslashes"


def _in_single_quotes(value: str) -> bool:
    """Return whether all readers read it literally: Python expands ${ and unescapes backslashes."""
    is_literal = "'" not in value and "${" not in value and "\\\\" not in value
    return value.isprintable() and is_literal and not value.endswith("\\")


def _in_double_quotes(value: str) -> bool:
    return value.isprintable() and not set(value) & set('"$\\')
