"""Parse a SQL Server address: `host`, `host,port` or `host\\INSTANCE`.

Source: https://learn.microsoft.com/sql/connect/odbc/dsn-connection-string-attribute (Server)
"""

import re
from dataclasses import dataclass

DEFAULT_PORT = 1433
DEFAULT_INSTANCE = "mssqlserver"  # its name on Windows
LOCAL = {".", "(local)"}
MAX_HOST_CHARACTERS = 240  # FreeTDS reads lines of up to 255
HOST = re.compile(rf"[A-Za-z0-9._-]{{1,{MAX_HOST_CHARACTERS}}}")
IPV6 = re.compile(r"[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(%[A-Za-z0-9._-]+)?")
INSTANCE = re.compile(r"[A-Za-z_#$][A-Za-z0-9_#$]{0,15}")
PORT = re.compile(r"[0-9]{1,5}")
EXAMPLES = "Give a host, as in db.example, db.example,1444 or db.example\\INSTANCE"


class ServerAddressError(ValueError):
    """An address is invalid; the text contains neither the variable nor a secret."""

    def __init__(self, text: str, problem: str, remedy: str = EXAMPLES) -> None:
        # a URL or connection string by mistake may contain a password
        self.shown = "" if set(text) & set("@;=/") else f" = {text!r}"
        self.problem, self.remedy = problem, remedy
        super().__init__(f"{problem}. {remedy}")


@dataclass(frozen=True)
class ServerAddress:
    """A server's host, and either its port or its instance's name."""

    host: str
    port: int | None = DEFAULT_PORT
    instance: str | None = None

    @property
    def server(self) -> str:
        """Return the host, with the instance if the port is unknown, as drivers take it."""
        return self.host if self.instance is None else f"{self.host}\\{self.instance}"


def parse_server_address(text: str, port: int | None = None) -> ServerAddress:
    """Parse an address and a separately given ``port``.

    A port wins over an instance's name, as in the drivers. Raises ServerAddressError for an address
    that not every driver accepts.
    """
    given = text.strip()
    _reject_other_protocols(text, given.lower())
    given = given[4:].strip() if given.lower().startswith("tcp:") else given
    given, own_port = _split_port(text, given)
    if port is not None and own_port is not None and port != own_port:
        raise ServerAddressError(
            text, f"contains port {own_port}, but port {port} is set separately", "Remove one"
        )
    host, mark, instance = given.partition("\\")
    host = _host(text, host.strip())
    port = own_port if port is None else port
    if mark and INSTANCE.fullmatch(instance) is None:
        raise ServerAddressError(text, "has no instance name after its backslash")
    if port is None and mark and instance.lower() != DEFAULT_INSTANCE:
        return ServerAddress(host, None, instance)
    return ServerAddress(host, port or DEFAULT_PORT)


def _reject_other_protocols(text: str, given: str) -> None:
    if "://" in given or given.startswith("jdbc:"):
        raise ServerAddressError(
            text, "is a URL, not a host", f"{EXAMPLES}; for a URL, set DATABASE_URL"
        )
    if given.startswith("\\\\") or given.startswith(("np:", "lpc:")):
        raise ServerAddressError(
            text, "is a named pipe or shared memory, which exist on Windows only", EXAMPLES
        )
    if given.startswith("admin:"):
        raise ServerAddressError(text, "is the dedicated administrator connection", EXAMPLES)
    if given.startswith("(localdb)"):
        raise ServerAddressError(text, "is a LocalDB, which exists on Windows only", EXAMPLES)


def _split_port(text: str, given: str) -> tuple[str, int | None]:
    """Split `host,port`, `host:port` or `[address]:port`; the port may be missing."""
    host, mark, port = given.rpartition(",")
    if not mark and (given.startswith("[") or given.count(":") == 1):
        host, mark, port = given.rpartition(":")
        if host.startswith("[") and not host.endswith("]"):  # the colon is part of the address
            host, mark, port = "", "", ""
    if not mark:
        return given, None
    port = port.strip()
    if PORT.fullmatch(port) is None or not 1 <= int(port) <= 65535:
        raise ServerAddressError(text, f"has no port from 1 to 65535 after its {mark!r}")
    return host.strip(), int(port)


def _host(text: str, host: str) -> str:
    if host.lower() in LOCAL:
        return "localhost"
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
        if IPV6.fullmatch(host) is None:
            raise ServerAddressError(text, "has no IPv6 address between its brackets")
    if HOST.fullmatch(host) is None and IPV6.fullmatch(host) is None:
        raise ServerAddressError(text, "is neither a host name nor an IP address")
    return host
