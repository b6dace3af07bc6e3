"""The limit of open files, of which each connection needs one."""

import logging
from contextlib import suppress

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

FILES_PER_CONNECTION = 2  # one is the socket; the rest is for files and database connections
STEPS = (1.0, 0.75, 0.5, 0.25)

logger = logging.getLogger("bentoml.sentiment")


def raise_file_limit(max_connections: int) -> None:
    """Raise the soft limit of open files so that this many connections fit; children inherit it.

    A system may refuse less than the hard limit that it reports (macOS above
    ``kern.maxfilesperproc``): then set a lower one and log a warning.
    """
    if resource is None:
        logger.warning("cannot read the limit of open files on this system")
        return
    needed = FILES_PER_CONNECTION * max_connections
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return
    most = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    for limit in (round(most * step) for step in STEPS):
        if limit <= soft:
            break
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
            soft = limit
    if soft < needed:
        logger.warning(
            "the limit of open files is %d, but %d connections need %d: raise `ulimit -n`",
            soft,
            max_connections,
            needed,
        )
