"""A lock that lets one run at a time work in a folder."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from training.errors import TrainingError
from training.files import Files

LOCK_FILE = ".claim"  # the name of earlier versions, one of which may still be running


class AlreadyRunningError(TrainingError):
    """Another run is working in the folder."""

    def __init__(self, files: Files) -> None:
        super().__init__(
            f"another training, fetch, publication or rollback is running in "
            f"{files.folder.resolve()}: wait until it ends, or work in another folder"
        )


@contextmanager
def run_lock(files: Files) -> Iterator[Path]:
    """Keep other runs out of the folder during the block; yield an empty temporary folder.

    The operating system releases the lock when the process ends, however it ends. Raises
    AlreadyRunningError.
    """
    files.artifacts.mkdir(parents=True, exist_ok=True)
    scratch = files.artifacts / ".scratch"
    try:
        lock = FileLock(files.artifacts / LOCK_FILE, fallback_to_soft=False).acquire(timeout=0)
    except Timeout as error:
        raise AlreadyRunningError(files) from error
    with lock:
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
        try:
            yield scratch
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
