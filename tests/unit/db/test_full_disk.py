"""A spool on a full disk refuses rows, keeps those it has, and can be emptied."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from db.spool.file import files_in
from db.spool.preallocation import RESERVE_BYTES
from db.spool.spool import Spool, SpoolError, SpoolFullError
from tests.support.spools import bodies

FILL_AND_DIE = """
import os, signal, sys
from pathlib import Path
from db.spool.spool import Spool, SpoolFullError
spool, taken = Spool(Path(sys.argv[1]), 10_000, 10_000_000), 0
try:
    while True:
        spool.append(["x" * 300] * 16)
        taken += 16
except SpoolFullError:
    print(taken, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(name="preallocates", params=[True, False], ids=["Linux", "macOS"], autouse=True)
def fixture_preallocates(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run with and without preallocation by the system."""
    if not request.param:
        monkeypatch.delattr(os, "posix_fallocate", raising=False)


@pytest.fixture(name="small_disk")
def fixture_small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a folder with space for the reserve and 1 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    size = RESERVE_BYTES[0] + (1 << 20)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"a small file system cannot be mounted here: {mounted.stderr!r}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(spool: Spool) -> int:
    """Spool rows until the disk is full; return their number."""
    for taken in range(0, 10_000, 16):
        try:
            spool.append([f"{number:0>300}" for number in range(taken, taken + 16)])
        except SpoolFullError:
            return taken
    raise AssertionError("the disk is too large")


def test_a_full_spool_refuses_rows_and_can_be_emptied(small_disk: Path) -> None:
    with closing(Spool(small_disk / "spool", 100_000, 100_000_000)) as spool:
        taken = fill(spool)
        with pytest.raises(SpoolFullError, match="the disk of the spool is full"):
            spool.append(["x" * 10_000])
        assert taken == len(bodies(spool, 10_000)) > 100

        while rows := spool.peek(1000):
            spool.remove(rows)

        spool.append(["there is room again"])


def test_an_emptied_spool_takes_as_many_rows_again(small_disk: Path) -> None:
    with closing(Spool(small_disk / "spool", 100_000, 100_000_000)) as spool:
        first = fill(spool)
        for _ in range(5):
            while rows := spool.peek(1000):
                spool.remove(rows)
            assert first // 2 < fill(spool)


def test_the_next_process_empties_the_spool_after_a_kill_on_a_full_disk(
    small_disk: Path,
) -> None:
    command = [sys.executable, "-c", FILL_AND_DIE, str(small_disk / "spool")]
    done = subprocess.run(command, check=False, timeout=60, capture_output=True, text=True)
    taken = int(done.stdout)
    assert (-signal.SIGKILL, True) == (done.returncode, taken > 100)

    with closing(Spool(small_disk / "spool", 100_000, 100_000_000)) as spool:
        found = len(bodies(spool, 10_000))
        while rows := spool.peek(1000):
            spool.remove(rows)
        spool.append(["there is room again"])

    assert taken == found


def test_a_spool_file_that_cannot_be_created_leaves_no_other_file(small_disk: Path) -> None:
    (small_disk / "ballast").write_bytes(bytes((1 << 20) + (1 << 19)))
    with closing(Spool(small_disk / "spool", 100_000, 100_000_000)) as spool:
        fill(spool)
        before = {path.name for path in (small_disk / "spool").iterdir()}
        for path in files_in(small_disk / "spool"):
            path.rename(path.with_suffix(".moved"))

        for _ in range(5):
            with pytest.raises(SpoolError):
                spool.append(["x" * 1000])

        after = {path.name for path in (small_disk / "spool").iterdir()}
        assert len(before) == len(after)
