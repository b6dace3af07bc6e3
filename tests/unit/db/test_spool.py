"""The spool keeps what it took, whoever is killed and whatever becomes of its files."""

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from db.spool import Spool, SpoolError, SpoolFullError
from db.spool_file import RESERVE_BYTES, SUFFIX, files_in

PAGE = 4096
SPOOL_AND_DIE = """
import os, signal, sys
from pathlib import Path
from db.spool import Spool
Spool(Path(sys.argv[1]), 10_000, 10_000_000).append(sys.argv[2:])
os.kill(os.getpid(), signal.SIGKILL)
"""
FILL_AND_DIE = """
import os, signal, sys
from pathlib import Path
from db.spool import Spool, SpoolFullError
spool, taken = Spool(Path(sys.argv[1]), 10_000, 10_000_000), 0
try:
    while True:
        spool.append(["x" * 300] * 16)
        taken += 16
except SpoolFullError:
    print(taken, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
OpenSpool = Callable[..., Spool]


@pytest.fixture(name="folder")
def fixture_folder(tmp_path: Path) -> Path:
    """Name a folder that is not there yet."""
    return tmp_path / "data" / "spool"


@pytest.fixture(name="open_spool")
def fixture_open_spool(folder: Path) -> Iterator[OpenSpool]:
    """Give a function that opens a spool in the folder, as a process does at its start."""
    opened: list[Spool] = []

    def open_spool(max_rows: int = 100_000, max_bytes: int = 100_000_000) -> Spool:
        opened.append(Spool(folder, max_rows, max_bytes))
        return opened[-1]

    yield open_spool
    for spool in opened:
        spool.close()


@pytest.fixture(name="spool")
def fixture_spool(open_spool: OpenSpool) -> Spool:
    """Open a spool."""
    return open_spool()


def bodies(spool: Spool, limit: int = 1000) -> list[str]:
    """Return what waits in the spool."""
    return [row.body for row in spool.oldest(limit)]


def killed_after_spooling(folder: Path, *rows: str) -> Path:
    """Have a process spool rows and be killed; return its file."""
    before = set(files_in(folder))
    command = [sys.executable, "-c", SPOOL_AND_DIE, str(folder), *rows]
    done = subprocess.run(command, check=False, timeout=60)
    assert -signal.SIGKILL == done.returncode
    (left_over,) = set(files_in(folder)) - before
    return left_over


def overwrite(path: Path, start: int, size: int) -> None:
    """Damage a part of a file."""
    with path.open("r+b") as file:
        file.seek(start)
        file.write(b"\xa5" * size)


def fill(spool: Spool) -> int:
    """Spool rows until the disk is full; return how many were taken."""
    for taken in range(0, 10_000, 16):
        try:
            spool.append([f"{number:0>300}" for number in range(taken, taken + 16)])
        except SpoolFullError:
            return taken
    raise AssertionError("the disk is not small")


def test_rows_are_given_oldest_first_and_stay_until_they_are_removed(spool: Spool) -> None:
    spool.append(["1", "2"])
    spool.append(["3"])

    assert ["1", "2"] == bodies(spool, limit=2)
    spool.remove(spool.oldest(2))
    assert ["3"] == bodies(spool)


def test_an_empty_spool_leaves_no_file(spool: Spool, folder: Path) -> None:
    spool.append(["1"])
    spool.remove(spool.oldest(1))

    spool.close()

    assert not list(folder.iterdir())


def test_what_a_closed_spool_held_is_taken_up_by_the_next(
    spool: Spool, open_spool: OpenSpool
) -> None:
    spool.append(["1", "2"])
    spool.close()

    assert ["1", "2"] == bodies(open_spool())


def test_what_a_killed_process_spooled_is_taken_up_by_the_next(
    folder: Path, open_spool: OpenSpool
) -> None:
    killed_after_spooling(folder, "1", "2")
    killed_after_spooling(folder, "3")

    assert {"1", "2", "3"} == set(bodies(open_spool()))


def test_nothing_remains_of_a_killed_process_that_had_spooled_nothing_more(
    folder: Path, open_spool: OpenSpool
) -> None:
    killed_after_spooling(folder, "1")
    spool = open_spool()

    spool.remove(spool.oldest(1))
    spool.close()

    assert not list(folder.iterdir())


def test_a_file_that_was_taken_up_is_deleted_once_it_is_empty(
    folder: Path, open_spool: OpenSpool
) -> None:
    left_over = killed_after_spooling(folder, "1", "2")
    spool = open_spool()

    spool.remove(spool.oldest(1))
    assert left_over.exists()
    spool.remove(spool.oldest(1))

    assert not left_over.exists()


def test_living_spools_on_one_folder_share_no_file(open_spool: OpenSpool, folder: Path) -> None:
    first, second = open_spool(), open_spool()

    first.append(["first"])
    second.append(["second"])
    first.adopt()
    second.adopt()

    assert [["first"], ["second"]] == [bodies(first), bodies(second)]
    assert 2 == len(files_in(folder))


def test_two_that_start_at_once_do_not_both_take_up_a_file(
    folder: Path, open_spool: OpenSpool
) -> None:
    killed_after_spooling(folder, "1")

    found = bodies(open_spool()) + bodies(open_spool())

    assert ["1"] == found


def test_a_living_neighbour_takes_up_what_a_killed_process_spooled(
    spool: Spool, folder: Path
) -> None:
    killed_after_spooling(folder, "1")

    spool.adopt()

    assert ["1"] == bodies(spool)


def test_a_batch_that_would_exceed_the_rows_is_refused_whole(open_spool: OpenSpool) -> None:
    spool = open_spool(max_rows=3)
    spool.append(["1", "2"])

    with pytest.raises(SpoolFullError, match="the spool is full: it holds 3 rows at most"):
        spool.append(["3", "4"])

    assert ["1", "2"] == bodies(spool)
    spool.append(["3"])


def test_a_batch_that_would_exceed_the_bytes_is_refused_whole(open_spool: OpenSpool) -> None:
    spool = open_spool(max_bytes=10)
    spool.append(["12345"])

    with pytest.raises(SpoolFullError, match="it holds 10 bytes at most"):
        spool.append(["678", "901"])

    assert ["12345"] == bodies(spool)


def test_there_is_room_again_once_rows_are_removed(open_spool: OpenSpool) -> None:
    spool = open_spool(max_rows=1)
    spool.append(["1"])

    with pytest.raises(SpoolFullError):
        spool.check()
    spool.remove(spool.oldest(1))

    spool.check()
    spool.append(["2"])


def test_rows_that_were_taken_up_count(folder: Path, open_spool: OpenSpool) -> None:
    killed_after_spooling(folder, "1", "2")
    spool = open_spool(max_rows=2)

    with pytest.raises(SpoolFullError):
        spool.append(["3"])


def test_quarantined_rows_are_out_of_the_way_and_kept(spool: Spool, open_spool: OpenSpool) -> None:
    spool.append(["1", "2", "3"])

    spool.quarantine(spool.oldest(3)[1], "refused")

    assert ["1", "3"] == bodies(spool)
    assert (2, 1) == (spool.depth().waiting, spool.depth().quarantined)
    spool.close()
    assert 1 == open_spool().depth().quarantined


def test_the_depth_tells_since_when_the_oldest_row_waits(spool: Spool) -> None:
    assert spool.depth().oldest_s is None

    spool.append(["1"])
    first_s = spool.depth().oldest_s
    spool.append(["2"])

    assert first_s == spool.depth().oldest_s
    spool.remove(spool.oldest(1))
    assert spool.depth().oldest_s > first_s  # type: ignore[operator]


@pytest.mark.parametrize("place", ["header", "middle"])
def test_a_damaged_file_is_set_aside_and_its_readable_rows_are_saved(
    folder: Path, open_spool: OpenSpool, caplog: pytest.LogCaptureFixture, place: str
) -> None:
    rows = [f"{number:0>500}" for number in range(200)]
    left_over = killed_after_spooling(folder, *rows)
    with closing(sqlite3.connect(left_over)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    start = 0 if place == "header" else left_over.stat().st_size // 2 // PAGE * PAGE
    overwrite(left_over, start, PAGE)

    found = bodies(open_spool())

    aside = left_over.with_suffix(".damaged")
    assert [] == found if place == "header" else 150 < len(found) < 200
    assert set(found) <= set(rows)
    assert aside.exists()
    assert not left_over.exists()
    assert f"{len(found)} readable row(s) saved, set aside as {aside}" in caplog.text


def test_an_own_file_that_is_damaged_is_replaced_without_losing_the_next_rows(
    spool: Spool, folder: Path
) -> None:
    (own,) = files_in(folder)
    spool.append([f"{number:0>500}" for number in range(200)])
    with closing(sqlite3.connect(own)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    overwrite(own, 0, 10 * PAGE)

    spool.append(["after the damage"])

    assert "after the damage" in bodies(spool)
    assert own.with_suffix(".damaged").exists()


def test_a_file_that_is_damaged_after_it_was_taken_up_is_replaced(
    folder: Path, open_spool: OpenSpool
) -> None:
    rows = [f"{number:0>500}" for number in range(200)]
    left_over = killed_after_spooling(folder, *rows)
    spool = open_spool()
    found = spool.oldest(10)
    with closing(sqlite3.connect(left_over)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    overwrite(left_over, 0, 10 * PAGE)

    with suppress(SpoolError):
        spool.remove(found)
    spool.append(["after the damage"])

    assert "after the damage" in bodies(spool)
    assert left_over.with_suffix(".damaged").exists()


def test_a_text_whose_bytes_are_damaged_keeps_no_other_from_being_read(
    spool: Spool, folder: Path
) -> None:
    spool.append(["before", "damaged", "after"])
    (own,) = files_in(folder)
    with closing(sqlite3.connect(own, isolation_level=None)) as connection:
        connection.execute("UPDATE spool SET body = CAST(x'64a5' AS TEXT) WHERE body = 'damaged'")

    assert ["before", "d\ufffd", "after"] == bodies(spool)


def test_a_closed_spool_takes_no_rows(open_spool: OpenSpool, folder: Path) -> None:
    spool = open_spool()
    spool.close()

    with pytest.raises(SpoolError, match="the service is ending"):
        spool.append(["1"])

    assert not list(folder.iterdir())


def test_a_file_that_cannot_be_created_leaves_nothing_behind(
    small_disk: Path, folder: Path
) -> None:
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
    assert not folder.exists()


def test_an_own_file_that_was_removed_is_replaced_with_its_rows(spool: Spool, folder: Path) -> None:
    spool.append(["1"])
    for path in folder.iterdir():
        path.unlink()

    spool.append(["2"])

    assert {"1", "2"} == set(bodies(spool))
    assert 1 == len(files_in(folder))


@pytest.fixture(name="small_disk")
def fixture_small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a folder with room for the reserve and little more."""
    folder = tmp_path / "disk"
    folder.mkdir()
    size = RESERVE_BYTES[0] + (1 << 20)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"a small file system cannot be mounted here: {mounted.stderr!r}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_refuses_rows_keeps_those_it_has_and_can_be_emptied(small_disk: Path) -> None:
    with closing(Spool(small_disk / "spool", 100_000, 100_000_000)) as spool:
        taken = fill(spool)
        with pytest.raises(SpoolFullError, match="the disk of the spool is full"):
            spool.append(["x" * 10_000])
        assert taken == len(bodies(spool, 10_000)) > 100

        while rows := spool.oldest(1000):
            spool.remove(rows)

        spool.append(["there is room again"])


def test_after_a_kill_on_a_full_disk_the_next_process_starts_and_empties_it(
    small_disk: Path,
) -> None:
    command = [sys.executable, "-c", FILL_AND_DIE, str(small_disk / "spool")]
    done = subprocess.run(command, check=False, timeout=60, capture_output=True, text=True)
    taken = int(done.stdout)
    assert (-signal.SIGKILL, True) == (done.returncode, taken > 100)

    with closing(Spool(small_disk / "spool", 100_000, 100_000_000)) as spool:
        found = len(bodies(spool, 10_000))
        while rows := spool.oldest(1000):
            spool.remove(rows)
        spool.append(["there is room again"])

    assert taken == found


def test_a_folder_that_becomes_unwritable_is_an_error_without_its_path(
    spool: Spool, folder: Path
) -> None:
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    folder.write_text("a file, not a folder")

    with pytest.raises(SpoolError) as caught:
        spool.append(["1"])

    assert "the spool cannot be written" == str(caught.value)


def test_other_files_of_the_folder_are_left_alone(folder: Path, open_spool: OpenSpool) -> None:
    folder.mkdir(parents=True)
    (folder / "notes.txt").write_text("mine")

    open_spool().close()

    assert ["notes.txt"] == [path.name for path in folder.iterdir()]
    assert not SUFFIX.endswith(".txt")
