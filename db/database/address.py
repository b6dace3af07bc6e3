"""Where SQL Server listens, as its tools write it: `host`, `host,port` or `host\\INSTANCE`.

Source: https://learn.microsoft.com/sql/connect/odbc/dsn-connection-string-attribute (Server)
"""

import re
from dataclasses import dataclass

DEFAULT_PORT = 1433
DEFAULT_INSTANCE = "mssqlserver"  # its name on Windows; it listens on the default port
LOCAL = {".", "(local)"}
MAX_HOST_CHARACTERS = 240  # FreeTDS reads lines of up to 255
HOST = re.compile(rf"[A-Za-z0-9._-]{{1,{MAX_HOST_CHARACTERS}}}")
IPV6 = re.compile(r"[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(%[A-Za-z0-9._-]+)?")
INSTANCE = re.compile(r"[A-Za-z_#$][A-Za-z0-9_#$]{0,15}")
PORT = re.compile(r"[0-9]{1,5}")
EXAMPLES = "Give a host, as in db.example, db.example,1444 or db.example\\INSTANCE"


class AddressError(ValueError):
    """No server can be reached there. The text names neither the variable nor a secret."""

    def __init__(self, text: str, problem: str, remedy: str = EXAMPLES) -> None:
        # a URL or a connection string by mistake, which may hold a password
        self.shown = "" if set(text) & set("@;=/") else f" = {text!r}"
        self.problem, self.remedy = problem, remedy
        super().__init__(f"{problem}. {remedy}")


@dataclass(frozen=True)
class Address:
    """A server's host, and its port or the instance of which it tells the port itself.

    Exactly one of ``port`` and ``instance`` is set.
    """

    host: str
    port: int | None = DEFAULT_PORT
    instance: str | None = None

    @property
    def server(self) -> str:
        """Return the host, and the instance unless the port is known, for a driver."""
        return self.host if self.instance is None else f"{self.host}\\{self.instance}"


def parse_address(text: str, port: int | None = None) -> Address:
    """Read an address, and the ``port`` that was given beside it.

    A port takes the place of an instance's name, which drivers ignore then, too. Raises
    AddressError unless the result is one that every driver takes.
    """
    given = text.strip()
    _refuse_other_protocols(text, given.lower())
    given = given[4:].strip() if given.lower().startswith("tcp:") else given
    given, own_port = _split_port(text, given)
    if port is not None and own_port is not None and port != own_port:
        raise AddressError(
            text, f"names port {own_port}, but the port set beside it is {port}", "Leave one out"
        )
    host, mark, instance = given.partition("\\")
    host = _host(text, host.strip())
    port = own_port if port is None else port
    if mark and INSTANCE.fullmatch(instance) is None:
        raise AddressError(text, "names no instance behind its backslash")
    if port is None and mark and instance.lower() != DEFAULT_INSTANCE:
        return Address(host, None, instance)
    return Address(host, port or DEFAULT_PORT)


def _refuse_other_protocols(text: str, given: str) -> None:
    if "://" in given or given.startswith("jdbc:"):
        raise AddressError(
            text, "is a URL, not a host", f"{EXAMPLES}; a URL belongs in DATABASE_URL"
        )
    if given.startswith("\\\\") or given.startswith(("np:", "lpc:")):
        raise AddressError(
            text, "names a pipe or shared memory, which exist on Windows only", EXAMPLES
        )
    if given.startswith("admin:"):
        raise AddressError(text, "names the connection of a single administrator", EXAMPLES)
    if given.startswith("(localdb)"):
        raise AddressError(text, "names a LocalDB, which exists on Windows only", EXAMPLES)


def _split_port(text: str, given: str) -> tuple[str, int | None]:
    """Part `host,port`, `host:port` or `[address]:port`; the port is None unless it is there."""
    host, mark, port = given.rpartition(",")
    if not mark and (given.startswith("[") or given.count(":") == 1):
        host, mark, port = given.rpartition(":")
        if host.startswith("[") and not host.endswith("]"):  # the colon is one of the address
            host, mark, port = "", "", ""
    if not mark:
        return given, None
    port = port.strip()
    if PORT.fullmatch(port) is None or not 1 <= int(port) <= 65535:
        raise AddressError(text, f"names no port from 1 to 65535 behind its {mark!r}")
    return host.strip(), int(port)


def _host(text: str, host: str) -> str:
    if host.lower() in LOCAL:
        return "localhost"
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
        if IPV6.fullmatch(host) is None:
            raise AddressError(text, "has no IPv6 address between its brackets")
    if HOST.fullmatch(host) is None and IPV6.fullmatch(host) is None:
        raise AddressError(text, "is no host name and no IP address")
    return host
