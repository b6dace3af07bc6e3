"""How many files and connections the system lets a process hold."""

import logging
from contextlib import suppress

from patches.uvicorn_protocol import MAX_CONNECTIONS

try:
    import resource
except ImportError:  # not on every system
    resource = None  # type: ignore[assignment]

DESCRIPTORS = 2 * MAX_CONNECTIONS  # files and the database's connections need some, too
STEPS = (1.0, 0.75, 0.5, 0.25)

logger = logging.getLogger("bentoml.sentiment")


def raise_file_limit() -> None:
    """Let this process and its children hold as many connections as they accept.

    A system may refuse a limit below the one that it names (macOS does, above
    `kern.maxfilesperproc`): then a lower one is set, and a warning says how many there are.
    """
    if resource is None:
        logger.warning("this system has no limits of descriptors that can be read or raised")
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return
    most = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(DESCRIPTORS, hard)
    for wanted in (round(most * step) for step in STEPS):
        if wanted <= soft:
            break
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
    if soft < DESCRIPTORS:
        logger.warning(
            "a process may hold %d descriptors here, and %d connections need %d: raise `ulimit -n`",
            soft,
            MAX_CONNECTIONS,
            DESCRIPTORS,
        )
