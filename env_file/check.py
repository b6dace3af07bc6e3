"""Check that python-dotenv, which pydantic-settings uses, reads each line of a `.env` as a setting.

Otherwise another encoding is a traceback, UTF-16 without a byte order mark gives other names, and
lines that cannot be parsed are skipped, so that API_KEYS could be lost unnoticed.
"""

import re
from io import StringIO
from pathlib import Path

from dotenv.parser import Binding, parse_stream

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
ASSIGNMENT = re.compile(rf"\s*(?:export\s+)?{NAME.pattern}\s*=")


def env_file_problem(path: Path) -> tuple[str, str] | None:
    """Return what is wrong with a `.env` and the remedy; None if it can be read or is missing."""
    try:
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
    except OSError as error:
        return f"cannot be read: {error.strerror}", "Correct its permissions"
    except UnicodeError:
        text = "\0"
    if "\0" in text:  # UTF-16 without a byte order mark
        return "is not UTF-8 text", "Save it as UTF-8"
    return next(filter(None, map(_problem, parse_stream(StringIO(text)))), None)


def _problem(binding: Binding) -> tuple[str, str] | None:
    """Return what is wrong with a line, and the remedy; neither shows its text."""
    text = binding.original.string
    line = binding.original.line + text[: len(text) - len(text.lstrip())].count("\n")
    if binding.error:
        return f"cannot be parsed at line {line}", "Close its quotes, or write it as NAME=VALUE"
    if any(map(ASSIGNMENT.match, text.strip().splitlines()[1:])):
        problem = f"has another setting inside the text of line {line}"
        return problem, "Close its quotes, and write each setting on a line of its own"
    if binding.key is None:  # a comment
        return None
    if NAME.fullmatch(binding.key) is None:
        problem = f"has a name at line {line} that is not only ASCII letters, digits and _"
        return problem, "Write it as NAME=VALUE, without invisible characters"
    if binding.value is None:
        return f"has a name without a value at line {line}", "Write it as NAME=VALUE"
    return None
