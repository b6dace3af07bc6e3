"""The `.env` that settings are read from: what cannot be read there must not be lost unseen."""

from io import StringIO
from pathlib import Path

from dotenv.parser import parse_stream


def env_file_problem(path: Path) -> tuple[str, str] | None:
    """Return what is wrong with a `.env` and the remedy; None if it can be read or is missing.

    `inference.env_file` says the same of its settings: neither package may import the other.
    """
    try:
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
    except OSError as error:
        return f"cannot be read: {error.strerror}", "Permit it"
    except UnicodeError:
        text = "\0"
    if "\0" in text:  # UTF-16 without its mark
        return "is not UTF-8 text", "Save it as UTF-8"
    broken = next((line for line in parse_stream(StringIO(text)) if line.error), None)
    if broken is None:
        return None
    return (
        f"cannot be parsed at line {broken.original.line}",
        "Close its quotes, or write it as NAME=VALUE",
    )
