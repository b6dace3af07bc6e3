"""How many files and connections the system lets a process hold."""

import resource

from api.connections import MAX_CONNECTIONS

DESCRIPTORS = 2 * MAX_CONNECTIONS  # files and the database's connections need some, too


def raise_descriptor_limit() -> None:
    """Let this process and its children hold as many connections as they accept."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(DESCRIPTORS, hard)
    if soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
