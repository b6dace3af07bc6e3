"""One run at a time in a folder."""

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from training.errors import TrainingError
from training.files import Files


class AlreadyRunningError(TrainingError):
    """Tell that another run is at work in the folder."""

    def __init__(self, files: Files) -> None:
        super().__init__(
            f"another training, fetch, publication or rollback is at work in "
            f"{files.folder.resolve()}: wait for its end, or work in another folder"
        )


@contextmanager
def run_lock(files: Files) -> Iterator[Path]:
    """Keep other runs out while the block lasts; give it an empty folder for what may be lost.

    The claim ends with the process, however that ends, and the next one empties the folder.
    Raises AlreadyRunningError where another process holds it.
    """
    files.artifacts.mkdir(parents=True, exist_ok=True)
    scratch = files.artifacts / ".scratch"
    with (files.artifacts / ".claim").open("wb") as claim:
        try:
            fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AlreadyRunningError(files) from error
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
        try:
            yield scratch
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
