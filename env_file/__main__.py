"""Print a setting of a `.env`: `python -m env_file NAME FILE`."""

from __future__ import annotations  # so that an old Python reaches the Makefile's version check

import sys
from pathlib import Path

from env_file.parsing import EnvFileError, parse, read_text


def main(words: list[str]) -> int:
    """Print the value of a variable, given its name and a file; return the exit status."""
    try:
        print(setting(words[0], Path(words[1])))
    except (EnvFileError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def setting(name: str, path: Path) -> str:
    """Return the value of a variable, empty if it has none. Raises EnvFileError."""
    found = [each for each in parse(read_text(path)) if each.name == name]
    if not found:
        return ""
    if found[-1].problem:
        raise EnvFileError(f"{path}:{found[-1].line}: {name} {found[-1].problem}.")
    return found[-1].value


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
