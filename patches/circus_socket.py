"""The address that the service listens on: what is wrong with it is told in one plain line."""

import errno
import socket
import time
from typing import Any

from bentoml.exceptions import BentoMLConfigException

LAST_PORT = 65_535
FREED_WITHIN_S = 3.0
"""How long the workers of a killed command may take to let go of its port."""

RETRY_S = 0.1
CHOOSE = "Choose another one: `make serve PORT=…`, `bentoml serve --port …` or BENTOML_PORT=…"


class AddressError(BentoMLConfigException):  # BentoML's command line prints its own plainly
    """The service cannot listen where it was told to."""


def check_address_before_listening() -> None:
    """Have the command that calls this explain in one line why it cannot listen.

    The socket of BentoML 1.4.39 is one of circus, which prints a traceback if the port is taken,
    and listens on port 4464 if it was given 70000. The class itself is changed, since the command
    has looked it up already.
    """
    # pylint: disable=import-outside-toplevel  # workers do without it
    from circus.sockets import CircusSocket

    make, bind_and_listen = CircusSocket.__init__, CircusSocket.bind_and_listen

    def make_checked(self: Any, **options: Any) -> None:
        check_port(options.get("port", 0))
        make(self, **options)

    def bind_and_listen_plainly(self: Any) -> None:
        if not self.is_unix:
            await_address(self.family, self.host, self.port)  # circus logs a failure of its own
        bind_and_listen(self)

    CircusSocket.__init__, CircusSocket.bind_and_listen = make_checked, bind_and_listen_plainly


def check_port(port: int) -> None:
    """Raise AddressError for a port that does not exist."""
    if not 0 <= port <= LAST_PORT:
        raise AddressError(f"Port {port} does not exist: the last one is {LAST_PORT}. {CHOOSE}")


def await_address(family: int, host: str, port: int, within_s: float = FREED_WITHIN_S) -> None:
    """Wait while the address is taken. Raises AddressError if the service cannot listen on it."""
    ends_s = time.monotonic() + within_s
    while (error := _failure(family, host, port)) is not None:
        if error.errno != errno.EADDRINUSE or time.monotonic() > ends_s:
            raise AddressError(_explain(host, port, error)) from error
        time.sleep(RETRY_S)


def _failure(family: int, host: str, port: int) -> OSError | None:
    """Return what fails if the service listens there, by trying it."""
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
        return f"Port {port} is taken{_holder(port)}. {CHOOSE}"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"Port {port} may not be used by this user ({error.strerror}). {CHOOSE}"
    return f"The service cannot listen on {host}, port {port} ({error.strerror}): change --host"


def _holder(port: int) -> str:
    """Name the process that listens on a port, as far as the system lets this user know."""
    import psutil  # pylint: disable=import-outside-toplevel  # only for an error

    try:
        for connection in psutil.net_connections("tcp"):
            taken = connection.laddr and connection.laddr.port == port
            if taken and connection.status == psutil.CONN_LISTEN and connection.pid:
                return f" by process {connection.pid} ({psutil.Process(connection.pid).name()})"
    except psutil.Error:
        pass  # on macOS only the administrator may look at others' connections
    return ""
