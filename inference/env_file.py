"""The `.env` that settings are read from: what cannot be read there must not be lost unseen."""

from io import StringIO
from pathlib import Path

from bentoml.exceptions import BentoMLConfigException
from dotenv.parser import parse_stream


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
    for line in parse_stream(StringIO(text)):
        if line.error:
            problem = f"cannot be parsed at line {line.original.line}"
            raise EnvFileError(path, problem, "Close its quotes, or write it as NAME=VALUE")
