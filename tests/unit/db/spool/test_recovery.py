"""A corrupt or deleted file is replaced, and its readable rows are recovered."""

import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from db.spool.file import SpooledRow, SpoolFile, files_in
from db.spool.spool import Spool, SpoolError
from tests.support.spools import OpenSpool, bodies, killed_after_spooling

PAGE = 4096
ROWS = [f"{number:0>500}" for number in range(200)]


def corrupt(path: Path, start: int, size: int) -> None:
    """Overwrite a part of a spool file, with all its rows in it rather than in the log."""
    with closing(sqlite3.connect(path)) as connection, suppress(sqlite3.DatabaseError):
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with path.open("r+b") as file:
        file.seek(start)
        file.write(b"\xa5" * size)


@pytest.mark.parametrize("place", ["header", "middle"])
def test_the_readable_rows_of_a_corrupt_orphan_are_recovered(
    spool_folder: Path, open_spool: OpenSpool, caplog: pytest.LogCaptureFixture, place: str
) -> None:
    orphan = killed_after_spooling(spool_folder, *ROWS)
    corrupt(orphan, 0 if place == "header" else len(ROWS) * 500 // 2 // PAGE * PAGE, PAGE)

    found = bodies(open_spool())

    aside = orphan.with_suffix(".damaged")
    assert [] == found if place == "header" else 150 < len(found) < 200
    assert set(found) <= set(ROWS)
    assert aside.exists()
    assert not orphan.exists()
    assert f"{len(found)} readable row(s) recovered, file kept as {aside}" in caplog.text


@pytest.mark.parametrize("owner", ["itself", "a dead process"])
def test_a_file_that_becomes_corrupt_while_in_use_is_replaced(
    spool_folder: Path, open_spool: OpenSpool, owner: str
) -> None:
    if owner == "itself":
        spool = open_spool()
        spool.append(ROWS)
        (path,) = files_in(spool_folder)
    else:
        path = killed_after_spooling(spool_folder, *ROWS)
        spool = open_spool()
    found = spool.peek(10)
    corrupt(path, 0, 10 * PAGE)

    with suppress(SpoolError):
        spool.remove(found)
    spool.append(["later"])

    assert "later" in bodies(spool)
    assert path.with_suffix(".damaged").exists()


def test_invalid_bytes_in_one_row_do_not_affect_the_others(
    spool: Spool, spool_folder: Path
) -> None:
    spool.append(["before", "damaged", "after"])
    (own,) = files_in(spool_folder)
    with closing(sqlite3.connect(own, isolation_level=None)) as connection:
        connection.execute("UPDATE spool SET body = CAST(x'64a5' AS TEXT) WHERE body = 'damaged'")

    assert ["before", "d\ufffd", "after"] == bodies(spool)


def test_the_own_file_is_restored_with_its_rows_after_it_was_deleted(
    spool: Spool, spool_folder: Path
) -> None:
    spool.append(["1"])
    for path in spool_folder.iterdir():
        path.unlink()

    spool.append(["2"])

    assert {"1", "2"} == set(bodies(spool))
    assert 1 == len(files_in(spool_folder))


def test_the_own_file_and_an_orphan_can_be_corrupt_at_once(
    spool_folder: Path, open_spool: OpenSpool
) -> None:
    killed_after_spooling(spool_folder, "1")
    spool = open_spool()
    spool.append(["2"])
    for path in spool_folder.glob("*.spool*"):
        path.write_bytes(b"\xa5" * path.stat().st_size)

    for row in ("3", "4"):
        spool.append([row])

    assert {"3", "4"} <= set(bodies(spool))
    assert 2 == len(list(spool_folder.glob("*.damaged")))


def test_an_orphan_that_cannot_be_read_now_is_claimed_again_later(
    spool_folder: Path,
    open_spool: OpenSpool,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    orphan = killed_after_spooling(spool_folder, "1")
    spool = open_spool()
    spool.append(["2"])
    peek = SpoolFile.peek

    def fail(file: SpoolFile, *bounds: Any) -> list[SpooledRow]:
        if file.path != orphan:
            return peek(file, *bounds)
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(SpoolFile, "peek", fail)
        assert ["2"] == bodies(spool)
    assert f"{orphan} cannot be read now" in caplog.text

    spool.claim_orphans()

    assert ["1", "2"] == bodies(spool)
