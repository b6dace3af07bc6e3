"""Reserve disk blocks for a file before they are needed."""

import errno
import os
from pathlib import Path

# What file systems without preallocation return, such as NFS before 4.2 and ZFS.
NOT_SUPPORTED = {errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP}
RESERVE_BYTES = (1 << 20, 1 << 19, 1 << 18)  # the first that fits on the disk


class DiskReserve:
    """A file that occupies disk space until it is needed: deleting rows needs some, too."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def ensure(self) -> None:
        """Occupy the space unless the disk is full."""
        if self._path.exists():
            return
        for size in RESERVE_BYTES:
            try:
                preallocate(self._path, size)
                return
            except OSError:
                self.release()

    def release(self) -> None:
        """Free the space."""
        self._path.unlink(missing_ok=True)


def preallocate(path: Path, size_bytes: int) -> None:
    """Make a file at least this long, with disk blocks for every byte; keep its content.

    Write zeros if the system cannot preallocate (macOS has no `posix_fallocate`): a file that is
    only extended has holes, which occupy no blocks. Raises OSError if the disk is full.
    """
    with path.open("ab") as file:
        if _allocate(file.fileno(), size_bytes):
            return
    content = path.read_bytes()
    with path.open("r+b") as file:
        file.write(content.ljust(size_bytes, b"\0"))
        file.flush()
        os.fsync(file.fileno())  # some file systems report a full disk only here


def _allocate(descriptor: int, size_bytes: int) -> bool:
    """Allocate the blocks; return False if the system does not support it."""
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
