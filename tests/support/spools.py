"""Spools of live and killed processes."""

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from db.spool.file import files_in
from db.spool.spool import Spool

SPOOL_AND_DIE = """
import os, signal, sys
from pathlib import Path
from db.spool.spool import Spool
Spool(Path(sys.argv[1]), 10_000, 10_000_000).append(sys.argv[2:])
os.kill(os.getpid(), signal.SIGKILL)
"""
OpenSpool = Callable[..., Spool]


def bodies(spool: Spool, limit: int = 1000) -> list[str]:
    """Return the pending rows."""
    return [row.body for row in spool.peek(limit)]


def killed_after_spooling(folder: Path, *rows: str) -> Path:
    """Spool rows in a process that is killed; return its file."""
    before = set(files_in(folder))
    command = [sys.executable, "-c", SPOOL_AND_DIE, str(folder), *rows]
    done = subprocess.run(command, check=False, timeout=60)
    assert -signal.SIGKILL == done.returncode
    (orphan,) = set(files_in(folder)) - before
    return orphan
