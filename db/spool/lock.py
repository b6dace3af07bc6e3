"""The lock of a spool file: who holds it owns the file, and loses it with its life."""

import fcntl
import os
from pathlib import Path

SUFFIX = ".lock"


class SpoolLock:
    """A lock that is held; make one with `take`."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor: int | None = descriptor

    @classmethod
    def take(cls, spool_path: Path) -> "SpoolLock | None":
        """Take the lock of a spool file; return None where a living process holds it.

        Raises OSError.
        """
        path = spool_path.with_suffix(SUFFIX)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # between opening and locking, its owner may have deleted the file and the lock with it
            if path.stat().st_ino == os.fstat(descriptor).st_ino:
                return cls(path, descriptor)
        except (BlockingIOError, FileNotFoundError):
            pass
        os.close(descriptor)
        return None

    def delete(self) -> None:
        """Delete the lock together with what it guards, while it is still held."""
        self._path.unlink(missing_ok=True)

    def release(self) -> None:
        """Let go of it."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
