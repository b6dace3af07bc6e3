"""Add the missing settings of the stack to a `.env`: `python -m tools.generate_env FILE`."""

from __future__ import (
    annotations,
)  # so that an old Python reaches the Makefile's version check

import contextlib
import os
import secrets
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from env_file.parsing import BOM, UNCLOSED, Assignment, EnvFileError, parse, read_text
from env_file.values import value_problem

LENGTH_BYTES = 24
HEADING = "# Written by `make env`; .env.example explains every line. Keep this file secret."


def password() -> str:
    """Return a password that matches SQL Server's policy and needs no quotes.

    The policy requires three of: upper case, lower case, digits, other characters.
    """
    while True:
        made = secrets.token_urlsafe(LENGTH_BYTES)
        kinds = (str.isupper, str.islower, str.isdigit)
        if made[0].isalnum() and all(any(map(kind, made)) for kind in kinds):
            return made


VALUES: dict[str, str | Callable[[], str]] = {
    "ACCEPT_EULA": "Y",
    "SA_PASSWORD": password,
    "SQL_USER": "sentiment_service",
    "SQL_PASSWORD": password,
    "GRAFANA_READER_PASSWORD": password,
    "GRAFANA_ADMIN_PASSWORD": password,
    "API_PORT_MAPPING": "127.0.0.1:3000:3000",
    "GRAFANA_PORT_MAPPING": "127.0.0.1:3001:3000",
}
"""The variables that the stack needs, and their values if the file has none."""


def complete(path: Path) -> list[str]:
    """Add missing variables of the stack to a file; return their names.

    Values are kept, since a database keeps its first passwords; lines with an empty value are
    replaced. The file becomes readable by its owner only. Raises OSError, and EnvFileError, before
    anything is written, if readers of the file disagree.
    """
    text = read_text(path)
    last = {each.name: each for each in parse(text)}
    given = {name for name in VALUES if name in last and last[name].value}
    added = {
        name: value() if callable(value) else value
        for name, value in VALUES.items()
        if name not in given
    }
    replaced = {last[name].line: name for name in added if name in last}
    check(path, [each for each in parse(text) if each.line not in replaced])
    if added:
        lines = text.split("\n")
        for line, name in replaced.items():
            bom, end = BOM * lines[line - 1].startswith(BOM), "\r" * lines[line - 1].endswith("\r")
            lines[line - 1] = f"{bom}{name}={added[name]}{end}"
        appended = [f"{name}={value}" for name, value in added.items() if name not in last]
        _write(path, "\n".join(_with(lines, [HEADING, *appended] if appended else [])))
    return list(added)


def check(path: Path, assignments: list[Assignment]) -> None:
    """Raise EnvFileError with a line for each assignment that readers disagree on."""
    problems = []
    for each in assignments:
        problem = each.problem or value_problem(each.name, each.value)
        if problem:
            problems.append(f"{path}:{each.line}: {each.name or 'the line'} {problem}.")
        if problem == UNCLOSED:  # the following lines may belong to its value
            break
    if problems:
        raise EnvFileError("\n".join(problems))


def _with(lines: list[str], appended: list[str]) -> list[str]:
    """Append lines to those of a text, whose last one is empty if it ends with a line break."""
    if not appended:
        return lines
    return [*(lines[:-1] if lines[-1] == "" else lines), *appended, ""]


def _write(path: Path, text: str) -> None:
    """Replace a file, or the target of a link, atomically; keep its owner."""
    target = path.resolve()
    descriptor, name = tempfile.mkstemp(prefix=".env.", dir=target.parent)  # mode 0600
    try:
        with open(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        if target.exists():
            with contextlib.suppress(PermissionError):
                os.chown(name, target.stat().st_uid, target.stat().st_gid)
        os.replace(name, target)
    except BaseException:
        os.unlink(name)
        raise


def main(words: list[str]) -> int:
    """Complete a file; return the exit status."""
    path = Path(words[0])
    try:
        names = complete(path)
    except (EnvFileError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    if names:
        print(f"Wrote {', '.join(names)} to {path}.")
    if "ACCEPT_EULA" in names:
        print("That accepts the license of SQL Server's image.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
