"""The spool keeps rows across kills, within its limits, and shares no file with live processes."""

import errno
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from db.spool import file as spool_file
from db.spool.file import SpoolFile, files_in
from db.spool.spool import Spool, SpoolError, SpoolFullError
from tests.support.spools import OpenSpool, bodies, killed_after_spooling

# Source of the values: https://sqlite.org/pragma.html
DURABILITY = {"synchronous": 2, "fullfsync": 1, "checkpoint_fullfsync": 1}


@pytest.mark.parametrize(("name", "expected"), DURABILITY.items())
def test_a_commit_is_on_the_disk_when_it_returns(tmp_path: Path, name: str, expected: int) -> None:
    with closing(SpoolFile.create(tmp_path)) as file:
        connection = file._connection  # pylint: disable=protected-access  # not needed elsewhere

        assert (expected,) == connection.execute(f"PRAGMA {name}").fetchone()


def test_rows_are_returned_oldest_first_until_they_are_removed(spool: Spool) -> None:
    spool.append(["1", "2"])
    spool.append(["3"])

    assert ["1", "2"] == bodies(spool, limit=2)
    spool.remove(spool.peek(2))
    assert ["3"] == bodies(spool)


def test_a_row_stored_as_bytes_is_read_as_text(spool: Spool, spool_folder: Path) -> None:
    spool.append(["1", "2", "3"])
    (path,) = files_in(spool_folder)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE spool SET body = CAST(body AS BLOB) WHERE position = 2")

    assert ["1", "2", "3"] == bodies(spool)


def test_the_next_process_reads_the_rows_of_closed_and_killed_ones(
    spool: Spool, spool_folder: Path, open_spool: OpenSpool
) -> None:
    spool.append(["1", "2"])
    spool.close()
    killed_after_spooling(spool_folder, "3", "4")
    killed_after_spooling(spool_folder, "5")

    assert {"1", "2", "3", "4", "5"} == set(bodies(open_spool()))


def test_each_file_is_deleted_once_it_is_empty(spool_folder: Path, open_spool: OpenSpool) -> None:
    orphan = killed_after_spooling(spool_folder, "1", "2")
    spool = open_spool()
    spool.append(["3"])

    spool.remove(spool.peek(1))
    assert orphan.exists()
    spool.remove(spool.peek(1))
    assert not orphan.exists()
    spool.remove(spool.peek(1))
    spool.close()

    assert not list(spool_folder.iterdir())


def test_live_processes_share_no_file(open_spool: OpenSpool, spool_folder: Path) -> None:
    first, second = open_spool(), open_spool()

    first.append(["first"])
    second.append(["second"])
    first.claim_orphans()
    second.claim_orphans()

    assert [["first"], ["second"]] == [bodies(first), bodies(second)]
    assert 2 == len(files_in(spool_folder))


def test_a_live_process_claims_an_orphan_that_no_other_has_claimed(
    spool: Spool, spool_folder: Path, open_spool: OpenSpool
) -> None:
    killed_after_spooling(spool_folder, "1")

    spool.claim_orphans()

    assert ["1"] == bodies(spool)
    assert [] == bodies(open_spool())


@pytest.mark.parametrize(
    ("max_rows", "max_bytes", "message"),
    [
        (3, 1000, "the spool is full: it holds 3 rows at most"),
        (1000, 20, "the spool is full: it holds 20 bytes at most"),
    ],
)
def test_a_batch_over_the_limit_is_refused_whole_until_there_is_room(
    open_spool: OpenSpool, max_rows: int, max_bytes: int, message: str
) -> None:
    spool = open_spool(max_rows, max_bytes)
    spool.append(["1" * 5, "2" * 5])

    with pytest.raises(SpoolFullError, match=message):
        spool.append(["3" * 10, "4" * 10])
    assert ["1" * 5, "2" * 5] == bodies(spool)
    spool.append(["3" * 10])
    with pytest.raises(SpoolFullError):
        spool.check_writable()

    spool.remove(spool.peek(1))
    spool.check_writable()
    spool.append(["4"])


def test_the_limit_includes_orphans(spool_folder: Path, open_spool: OpenSpool) -> None:
    killed_after_spooling(spool_folder, "1", "2")
    spool = open_spool(max_rows=2)

    with pytest.raises(SpoolFullError):
        spool.append(["3"])


def test_the_used_ratio_is_of_rows_or_bytes_whichever_is_larger(
    spool_folder: Path, open_spool: OpenSpool
) -> None:
    killed_after_spooling(spool_folder, "1")
    spool = open_spool(max_rows=10, max_bytes=100)

    used = [spool.used_ratio()]
    for body in ("2", "x" * 78):
        spool.append([body])
        used.append(spool.used_ratio())
    spool.remove(spool.peek(3))

    assert [0.1, 0.2, 0.8, 0] == [*used, spool.used_ratio()]


def test_a_dead_letter_is_kept_but_not_pending(spool: Spool, open_spool: OpenSpool) -> None:
    spool.append(["1", "2", "3"])

    spool.dead_letter(spool.peek(3)[1], "refused")

    assert ["1", "3"] == bodies(spool)
    assert (2, 1) == (spool.depth().pending, spool.depth().dead_letters)
    spool.close()
    assert 1 == open_spool().depth().dead_letters


def test_the_depth_has_the_time_of_the_oldest_pending_row(spool: Spool) -> None:
    assert spool.depth().oldest_s is None

    spool.append(["1"])
    first_s = spool.depth().oldest_s
    spool.append(["2"])

    assert first_s == spool.depth().oldest_s
    spool.remove(spool.peek(1))
    assert spool.depth().oldest_s > first_s  # type: ignore[operator]


def test_a_closed_spool_refuses_all_calls_and_creates_no_file(
    spool: Spool, spool_folder: Path
) -> None:
    spool.close()

    with pytest.raises(SpoolError, match="the service is shutting down"):
        spool.append(["1"])
    with pytest.raises(SpoolError, match="the service is shutting down"):
        spool.peek(1)

    assert not list(spool_folder.iterdir())


def test_the_error_for_an_unwritable_folder_does_not_name_it(
    spool: Spool, spool_folder: Path
) -> None:
    for path in spool_folder.iterdir():
        path.unlink()
    spool_folder.rmdir()
    spool_folder.write_text("a file in place of the folder")

    with pytest.raises(SpoolError) as caught:
        spool.append(["1"])

    assert "the spool cannot be written" == str(caught.value)


def test_other_files_in_the_folder_are_not_touched(
    spool_folder: Path, open_spool: OpenSpool
) -> None:
    spool_folder.mkdir(parents=True)
    (spool_folder / "notes.txt").write_text("mine")

    open_spool().close()

    assert ["notes.txt"] == [path.name for path in spool_folder.iterdir()]


def test_a_file_that_cannot_be_locked_does_not_keep_others_from_being_claimed(
    spool_folder: Path, open_spool: OpenSpool, caplog: pytest.LogCaptureFixture
) -> None:
    killed_after_spooling(spool_folder, "1")
    (spool_folder / "0.spool").touch()
    (spool_folder / "0.lock").mkdir()

    assert ["1"] == bodies(open_spool())
    assert "0.spool cannot be taken over now" in caplog.text


def test_a_file_system_without_flock_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: int) -> None:
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr("fcntl.flock", refuse)

    with pytest.raises(OSError, match="Function not implemented"):
        SpoolFile.create(tmp_path)


def test_a_new_file_gets_another_name_if_another_process_holds_its_lock(
    spool_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    try_lock, held = spool_file.try_lock, [None]
    monkeypatch.setattr(spool_file, "try_lock", lambda path: held.pop() if held else try_lock(path))

    with closing(SpoolFile.create(spool_folder)):
        assert not held
        assert 1 == len(files_in(spool_folder))
