"""Complete a `.env` for the containers, with generated passwords (`make env`).

It needs Python alone: nothing is installed yet where it runs first.
"""

from __future__ import annotations  # so that an old Python gets as far as being refused

import os
import re
import secrets
import sys
from collections.abc import Callable
from pathlib import Path

LENGTH_BYTES = 24
SET = r"""^[ \t]*(?:export[ \t]+)?(\w+)[ \t]*=[ \t]*(?!""|''|#)\S"""
"""A line that gives a variable a value; a comment is none, and neither are empty quotes."""

HEADING = "# Written by `make env`; .env.example explains every line. Keep it to yourself."


def password() -> str:
    """Return a password that SQL Server's policy accepts, and that compose reads as it is.

    The policy wants three kinds of upper and lower case letters, digits and signs; a `$` or a
    quote would mean something to compose.
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
"""What the stack needs, and what it gets where nothing is said of it."""


def complete(path: Path) -> list[str]:
    """Add what the stack needs and a file does not say; return the names that were added.

    What is there stays, since a database keeps the passwords it was made with. The file becomes
    its owner's alone. Raises OSError where it cannot be written.
    """
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    known = set(re.findall(SET, before, re.MULTILINE))
    added = {
        name: value() if callable(value) else value
        for name, value in VALUES.items()
        if name not in known
    }
    if added:
        lines = [HEADING, *(f"{name}={value}" for name, value in added.items())]
        parted = "" if before.endswith("\n") or not before else "\n"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with open(descriptor, "a", encoding="utf-8") as file:
            os.fchmod(descriptor, 0o600)
            file.write(parted + "\n".join(lines) + "\n")
    return list(added)


if __name__ == "__main__":
    if names := complete(Path(sys.argv[1])):
        print(f"Wrote {', '.join(names)} to {sys.argv[1]}.")
        if "ACCEPT_EULA" in names:
            print("That accepts the licence of SQL Server's image.")
