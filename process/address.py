"""The address that the service listens on; errors name the port and its owner in one line."""

import errno
import socket
import time

from bentoml.exceptions import BentoMLConfigException

MAX_PORT = 65_535
RELEASE_TIMEOUT_S = 3.0
"""How long the workers of a killed command may keep its port."""

RETRY_INTERVAL_S = 0.1
REMEDY = "Choose another one: `make serve PORT=…`, `bentoml serve --port …` or BENTOML_PORT=…"


class AddressError(BentoMLConfigException):  # BentoML's CLI prints it without a traceback
    """The service cannot listen on the configured address."""


def check_port(port: int) -> None:
    """Raise AddressError for a port out of range."""
    if not 0 <= port <= MAX_PORT:
        raise AddressError(f"Port {port} does not exist: the last one is {MAX_PORT}. {REMEDY}")


def wait_for_address(
    family: int, host: str, port: int, timeout_s: float = RELEASE_TIMEOUT_S
) -> None:
    """Wait while the address is in use. Raises AddressError if the service cannot listen on it."""
    deadline_s = time.monotonic() + timeout_s
    while (error := _try_to_listen(family, host, port)) is not None:
        if error.errno != errno.EADDRINUSE or time.monotonic() > deadline_s:
            raise AddressError(_explain(host, port, error)) from error
        time.sleep(RETRY_INTERVAL_S)


def _try_to_listen(family: int, host: str, port: int) -> OSError | None:
    """Return the error of listening on an address, None if it works."""
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as circus does
            probe.bind((host, port))
            probe.listen()
    except OSError as error:
        return error
    return None


def _explain(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} is taken{_owner(port)}. {REMEDY}"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"Port {port} may not be used by this user ({error.strerror}). {REMEDY}"
    return f"The service cannot listen on {host}, port {port} ({error.strerror}): change --host"


def _owner(port: int) -> str:
    """Name the process that listens on a port, if this user may see it."""
    import psutil  # pylint: disable=import-outside-toplevel  # only for an error

    try:
        for connection in psutil.net_connections("tcp"):
            is_on_port = connection.laddr and connection.laddr.port == port
            if is_on_port and connection.status == psutil.CONN_LISTEN and connection.pid:
                return f" by process {connection.pid} ({psutil.Process(connection.pid).name()})"
    except psutil.Error:
        pass  # on macOS only the administrator sees other users' connections
    return ""
