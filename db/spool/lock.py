"""The lock of a spool file: its holder owns the file, and loses the lock when it dies."""

from pathlib import Path

from filelock import FileLock, Timeout

SUFFIX = ".lock"


def try_lock(spool_path: Path) -> FileLock | None:
    """Lock a spool file without waiting; return None if a live process holds the lock.

    Raises OSError.
    """
    # Without flock, filelock would use the file's mere existence, which outlives a killed process.
    lock = FileLock(
        spool_path.with_suffix(SUFFIX),
        mode=0o600,
        blocking=False,
        thread_local=False,
        fallback_to_soft=False,
    )
    try:
        lock.acquire()
    except Timeout:
        return None
    return lock


def delete_lock(lock: FileLock) -> None:
    """Delete a lock's file while the lock is held, then release it."""
    Path(lock.lock_file).unlink(missing_ok=True)
    lock.release()
