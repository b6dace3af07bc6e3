"""The `.env` that settings are read from: what cannot be read there must not be lost unseen."""

import re
from io import StringIO
from pathlib import Path

from bentoml.exceptions import BentoMLConfigException
from dotenv.parser import Binding, parse_stream

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
ASSIGNMENT = re.compile(rf"\s*(?:export\s+)?{NAME.pattern}\s*=")


class EnvFileError(BentoMLConfigException):  # BentoML's command line prints its own plainly
    """A `.env` cannot be read as a whole; the text shows none of it."""

    def __init__(self, path: Path, problem: str, remedy: str) -> None:
        super().__init__(f"{path} {problem}. {remedy}.")


def check_env_file(path: Path) -> None:
    """Check a `.env`, if there is such a file.

    pydantic-settings fails on other encodings with a traceback, reads UTF-16 without a mark as
    other names, and goes on after a line that it cannot parse. Raises EnvFileError.
    """
    if not path.is_file():
        return
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise EnvFileError(path, f"cannot be read: {error.strerror}", "Permit it") from None
    except UnicodeError:
        text = "\0"
    if "\0" in text:
        raise EnvFileError(path, "is not UTF-8 text", "Save it as UTF-8") from None
    for binding in parse_stream(StringIO(text)):
        if (found := _problem(binding)) is not None:
            raise EnvFileError(path, *found)


def _problem(binding: Binding) -> tuple[str, str] | None:
    """Return what is wrong with a line, and the remedy; neither shows its text."""
    # pylint: disable=duplicate-code  # `db.env_file`: neither package may import the other
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
        problem = f"has a name at line {line} that is not of ASCII letters, digits and _ alone"
        return problem, "Write it as NAME=VALUE, without invisible characters"
    if binding.value is None:
        return f"has a name without a value at line {line}", "Write it as NAME=VALUE"
    return None
