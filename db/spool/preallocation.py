"""Disk blocks that a file has before they are needed."""

import errno
import os
from pathlib import Path

# What file systems answer that cannot allocate in advance, such as NFS before 4.2 and ZFS.
NOT_SUPPORTED = {errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP}


def preallocate(path: Path, size_bytes: int) -> None:
    """Make a file at least this long, with disk blocks behind every byte; its content stays.

    If the system cannot allocate (macOS has no `posix_fallocate`), zeros are written instead: a
    file that is only extended has holes, which take no room. Raises OSError if the disk is full.
    """
    with path.open("ab") as file:
        if _allocate(file.fileno(), size_bytes):
            return
    content = path.read_bytes()
    with path.open("r+b") as file:
        file.write(content.ljust(size_bytes, b"\0"))
        file.flush()
        os.fsync(file.fileno())  # some file systems report only then that the disk is full


def _allocate(descriptor: int, size_bytes: int) -> bool:
    """Ask the system for the blocks; return False if it cannot do that."""
    allocate = getattr(os, "posix_fallocate", None)
    if allocate is None:
        return False
    try:
        allocate(descriptor, 0, size_bytes)
    except OSError as error:
        if error.errno in NOT_SUPPORTED:
            return False
        raise
    return True
