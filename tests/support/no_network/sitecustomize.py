"""Every Python process with this folder on its path reaches the loopback only.

The file NETWORK_LOG gets the other hosts that it tried.
"""

import os
import sys
from pathlib import Path
from typing import Any

EVENTS = {"socket.getaddrinfo": 0, "socket.gethostbyname": 0, "socket.connect": 1}
HERE = {"127.0.0.1", "::1", "localhost", "0.0.0.0", "", None}  # noqa: S104  # nothing is bound


def refuse(event: str, arguments: tuple[Any, ...]) -> None:
    """Raise OSError, as without a network, for another host, and log its name."""
    if event not in EVENTS:
        return
    address = arguments[EVENTS[event]]
    host = address[0] if isinstance(address, tuple) else address
    is_path = event == "socket.connect" and not isinstance(address, tuple)  # of a socket file
    if is_path or host in HERE:
        return
    with Path(os.environ["NETWORK_LOG"]).open("a", encoding="utf-8") as log:
        log.write(f"{host}\n")
    raise OSError(f"no network in tests: {host}")


sys.addaudithook(refuse)
