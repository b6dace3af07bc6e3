"""The ODBC driver for SQL Server, Microsoft's or FreeTDS, and its configuration.

Microsoft's driver is preferred, whether registered or in the wheel `mssql-python-odbc`. FreeTDS
checks certificates only if its configuration file says so: no connection string attribute does.
Sources: https://www.freetds.org/userguide/freetdsconf.html and odbcconnattr.html
"""

import contextlib
import ctypes
import hashlib
import importlib.util
import os
import platform
import tempfile
import threading
from pathlib import Path

from db.database.server_address import ServerAddress

MICROSOFT = "ODBC Driver 18 for SQL Server"
FREETDS = "FreeTDS"
# The Linux wheel has one library for each family of distributions. The macOS wheel needs macOS 15,
# so it is not a requirement, but it is used if it is installed.
FOLDERS = {
    "Linux": ("linux/debian_ubuntu", "linux/rhel", "linux/suse", "linux/alpine"),
    "Darwin": ("macos",),
}

_lock = threading.Lock()
_conf_descriptors: list[int] = []  # of the one configuration file; a forked process inherits it
_conf_sections: set[str] = set()


class UnquotableError(ValueError):
    """FreeTDS cannot accept a user, password or database; ``part`` says which."""

    def __init__(self, part: str) -> None:
        self.part = part
        super().__init__(
            f"FreeTDS accepts no {part} with a '}}' that also contains ';' or begins with '{{'"
        )


def choose_driver(wanted: str | None) -> str | None:
    """Return a driver's registered name or library path, None if there is none.

    ``wanted`` is a name or a path; None means Microsoft's driver, else FreeTDS. Raises ImportError
    if pyodbc cannot be loaded because the driver manager is missing.
    """
    import pyodbc  # pylint: disable=import-outside-toplevel  # needs libodbc, SQLite does not

    registered = pyodbc.drivers()
    if wanted is not None:
        return wanted if wanted in registered or Path(wanted).is_file() else None
    if MICROSOFT in registered:
        return MICROSOFT
    return library_of_wheel() or (FREETDS if FREETDS in registered else None)


def library_of_wheel() -> str | None:
    """Return the path of Microsoft's driver in its wheel, None if it cannot be loaded."""
    wheel = importlib.util.find_spec("mssql_python_odbc")
    if wheel is None or wheel.origin is None:
        return None
    machine = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
    for name in FOLDERS.get(platform.system(), ()):
        folder = Path(wheel.origin).parent / "libs" / name / machine / "lib"
        for library in folder.glob("libmsodbcsql[-.]18.*"):
            with contextlib.suppress(OSError):  # a library that it needs is missing
                ctypes.CDLL(str(library))
                return str(library)
    return None


def is_freetds(driver: str) -> bool:
    """Return whether a driver, given by its name or library path, is FreeTDS."""
    return "tds" in Path(driver).name.lower()


def microsoft_attributes(driver: str, trust_server_certificate: bool) -> dict[str, str]:
    """Return the connection string attributes of Microsoft's driver."""
    return {
        "driver": driver,
        "Encrypt": "yes",
        "TrustServerCertificate": "yes" if trust_server_certificate else "no",
        "ConnectRetryCount": "0",  # a reconnect by the driver would have no timeout
    }


def freetds_conf(address: ServerAddress, trust_server_certificate: bool) -> str:
    """Return the lines of FreeTDS's configuration for one server."""
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


def write_freetds_conf(lines: str) -> str:
    """Add a server to the configuration that FreeTDS reads in this process; return its name there.

    The file has no path and no secret, and disappears with the process. It has a section for each
    server, so engines of several servers work side by side.
    """
    name = f"sentiment_{hashlib.sha256(lines.encode()).hexdigest()[:16]}"
    with _lock:
        if not _conf_descriptors:
            _conf_descriptors.append(_anonymous_file())
        if name not in _conf_sections:
            os.write(_conf_descriptors[0], f"[{name}]\n{lines}".encode())
            _conf_sections.add(name)
        os.environ["FREETDSCONF"] = f"/dev/fd/{_conf_descriptors[0]}"
    return name


def freetds_connection_string(
    driver: str, server: str, user: str, password: str, database: str
) -> str:
    """Return the connection string for a ``server`` name from `write_freetds_conf`.

    Raises UnquotableError for a value that FreeTDS cannot accept.
    """
    parts = {"user": user, "password": password, "database": database}
    quoted = {part: _quote(part, value) for part, value in parts.items()}
    return (
        f"DRIVER={{{driver}}};Servername={server};Database={quoted['database']};"
        f"UID={quoted['user']};PWD={quoted['password']};"  # the last ; is needed after a brace
    )


def _quote(part: str, value: str) -> str:
    """Put a value into braces if it contains ';' or begins with '{'.

    FreeTDS 1.3 does not read '}}' as an escaped brace, and ends the value at the first '}' before
    a ';'. Such values are rare, and rejected for every version.
    """
    if ";" not in value and not value.startswith("{"):
        return value
    if "}" in value:
        raise UnquotableError(part)
    return f"{{{value}}}"


def _anonymous_file() -> int:
    create_in_memory = getattr(os, "memfd_create", None)  # Linux: needs no writable folder
    if create_in_memory is not None:
        return int(create_in_memory("freetds.conf"))
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
