"""How FreeTDS is told of a server: by a file that it reads, and by a connection string.

No attribute of a connection string makes it check certificates, so the file is needed.
Sources: https://www.freetds.org/userguide/freetdsconf.html and odbcconnattr.html
"""

import hashlib
import os
import tempfile
import threading

from db.database.address import Address

_lock = threading.Lock()
_descriptors: list[int] = []  # of the one file that FreeTDS reads; a forked process inherits it
_sections: set[str] = set()  # what stands in it


class UnquotableError(ValueError):
    """FreeTDS cannot be given a user, a password or a database; ``part`` says which."""

    def __init__(self, part: str) -> None:
        self.part = part
        super().__init__(
            f"FreeTDS takes no {part} with a '}}' that also holds ';' or begins with '{{'"
        )


def configuration(address: Address, trust_server_certificate: bool) -> str:
    """Return what FreeTDS is to read: where to connect, and whether to check certificates."""
    place = f"port = {address.port}" if address.port else f"instance = {address.instance}"
    lines = [
        f"host = {address.host}",
        place,
        "tds version = 7.4",
        "client charset = UTF-8",
        "encryption = require",
    ]
    if not trust_server_certificate:
        lines += ["ca file = system", "check certificate hostname = yes"]
    return "\n".join(lines) + "\n"


def configure(text: str) -> str:
    """Have FreeTDS read a configuration, in this process; return the server's name there.

    The file has no name: it ends with the process, however that ends. It has a section for each
    server, so that engines of several servers work side by side. It holds no secret.
    """
    name = f"sentiment_{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    with _lock:
        if not _descriptors:
            _descriptors.append(_nameless_file())
        if name not in _sections:
            os.write(_descriptors[0], f"[{name}]\n{text}".encode())
            _sections.add(name)
        os.environ["FREETDSCONF"] = f"/dev/fd/{_descriptors[0]}"
    return name


def connection_string(driver: str, server: str, user: str, password: str, database: str) -> str:
    """Return the connection string for a server that `configure` has named.

    Raises UnquotableError for a value that FreeTDS cannot be given.
    """
    parts = {"user": user, "password": password, "database": database}
    quoted = {part: _quoted(part, value) for part, value in parts.items()}
    return (
        f"DRIVER={{{driver}}};Servername={server};Database={quoted['database']};"
        f"UID={quoted['user']};PWD={quoted['password']};"  # it needs the mark behind a brace
    )


def _quoted(part: str, value: str) -> str:
    """Put into braces what would end too early, or begin as if it stood in braces.

    Version 1.3 does not read a doubled closing brace as one, and takes the first one before a
    semicolon for the end: such a value, which is rare, is refused whatever the version.
    """
    if ";" not in value and not value.startswith("{"):
        return value
    if "}" in value:
        raise UnquotableError(part)
    return f"{{{value}}}"


def _nameless_file() -> int:
    in_memory = getattr(os, "memfd_create", None)  # Linux: needs no folder that can be written
    if in_memory is not None:
        return int(in_memory("freetds.conf"))
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
