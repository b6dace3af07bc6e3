"""Complete a `.env`, or print a setting of it: `python -m env_file complete|get NAME FILE`."""

from __future__ import annotations  # so that an old Python gets as far as being refused

import sys
from pathlib import Path

from env_file.generation import complete
from env_file.parsing import EnvFileError, parse, read_text


def main(words: list[str]) -> int:
    """Run one command; return its exit status."""
    try:
        if words[0] == "get":
            print(setting(words[1], Path(words[2])))
        else:
            _complete(Path(words[1]))
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


def _complete(path: Path) -> None:
    names = complete(path)
    if names:
        print(f"Wrote {', '.join(names)} to {path}.")
    if "ACCEPT_EULA" in names:
        print("That accepts the licence of SQL Server's image.")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
