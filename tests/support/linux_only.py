"""What Python has on Linux and not on macOS. Source: the library reference's "Availability".

Without what libraries such as psutil use after detecting Linux.
"""

import multiprocessing
import os
import resource
import select
from types import ModuleType

LINUX_ONLY: dict[ModuleType, tuple[str, ...]] = {
    os: (
        "copy_file_range",
        "eventfd",
        "fdatasync",
        "getrandom",
        "getresgid",
        "getresuid",
        "memfd_create",
        "pidfd_open",
        "pipe2",
        "posix_fadvise",
        "posix_fallocate",
        "sched_getaffinity",
        "sched_getscheduler",
        "sched_setaffinity",
        "sched_setscheduler",
        "splice",
    ),
    select: ("epoll",),
}
MAX_DESCRIPTORS = 5000
"""The real limit of a process; as on macOS, the reported limit is higher."""


def remove_linux_features() -> None:
    """Remove it from this process."""
    for module, names in LINUX_ONLY.items():
        for name in names:
            if hasattr(module, name):
                delattr(module, name)
    multiprocessing.set_start_method("spawn")
    set_limit, (_, hard) = resource.setrlimit, resource.getrlimit(resource.RLIMIT_NOFILE)

    def refuse_high_limits(kind: int, limits: tuple[int, int]) -> None:
        if kind == resource.RLIMIT_NOFILE:
            if limits[0] > MAX_DESCRIPTORS:
                raise ValueError("current limit exceeds maximum limit")
            limits = (limits[0], hard)
        set_limit(kind, limits)

    resource.setrlimit = refuse_high_limits
    resource.getrlimit = lambda _kind: (256, resource.RLIM_INFINITY)  # as in a new shell on macOS
