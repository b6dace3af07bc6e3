"""Every Python process that has this folder on its path reaches the loopback alone.

Which other hosts it wanted is written to the file NETWORK_LOG.
"""

import os
import sys
from pathlib import Path
from typing import Any

EVENTS = {"socket.getaddrinfo": 0, "socket.gethostbyname": 0, "socket.connect": 1}
HERE = {"127.0.0.1", "::1", "localhost", "0.0.0.0", "", None}  # noqa: S104  # nothing is bound


def refuse(event: str, arguments: tuple[Any, ...]) -> None:
    """Note a host that is not this one. Raises OSError, as without a network."""
    if event not in EVENTS:
        return
    place = arguments[EVENTS[event]]
    host = place[0] if isinstance(place, tuple) else place
    is_path = event == "socket.connect" and not isinstance(place, tuple)  # of a socket file
    if is_path or host in HERE:
        return
    with Path(os.environ["NETWORK_LOG"]).open("a", encoding="utf-8") as log:
        log.write(f"{host}\n")
    raise OSError(f"no network in tests: {host}")


sys.addaudithook(refuse)
