"""Rows outlive damage to their files, as far as they can be read."""

import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from db.spool.file import SpooledRow, SpoolFile, files_in
from db.spool.spool import Spool, SpoolError
from tests.support.spools import OpenSpool, bodies, killed_after_spooling

PAGE = 4096


def overwrite(path: Path, start: int, size: int) -> None:
    """Damage a part of a file."""
    with path.open("r+b") as file:
        file.seek(start)
        file.write(b"\xa5" * size)


@pytest.mark.parametrize("place", ["header", "middle"])
def test_a_damaged_file_is_set_aside_and_its_readable_rows_are_saved(
    spool_folder: Path, open_spool: OpenSpool, caplog: pytest.LogCaptureFixture, place: str
) -> None:
    rows = [f"{number:0>500}" for number in range(200)]
    left_over = killed_after_spooling(spool_folder, *rows)
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
    assert f"{len(found)} readable row(s) recovered, file kept as {aside}" in caplog.text


def test_an_own_file_that_is_damaged_is_replaced_without_losing_the_next_rows(
    spool: Spool, spool_folder: Path
) -> None:
    (own,) = files_in(spool_folder)
    spool.append([f"{number:0>500}" for number in range(200)])
    with closing(sqlite3.connect(own)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    overwrite(own, 0, 10 * PAGE)

    spool.append(["after the damage"])

    assert "after the damage" in bodies(spool)
    assert own.with_suffix(".damaged").exists()


def test_a_file_that_is_damaged_after_it_was_taken_up_is_replaced(
    spool_folder: Path, open_spool: OpenSpool
) -> None:
    rows = [f"{number:0>500}" for number in range(200)]
    left_over = killed_after_spooling(spool_folder, *rows)
    spool = open_spool()
    found = spool.peek(10)
    with closing(sqlite3.connect(left_over)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    overwrite(left_over, 0, 10 * PAGE)

    with suppress(SpoolError):
        spool.remove(found)
    spool.append(["after the damage"])

    assert "after the damage" in bodies(spool)
    assert left_over.with_suffix(".damaged").exists()


def test_a_text_whose_bytes_are_damaged_keeps_no_other_from_being_read(
    spool: Spool, spool_folder: Path
) -> None:
    spool.append(["before", "damaged", "after"])
    (own,) = files_in(spool_folder)
    with closing(sqlite3.connect(own, isolation_level=None)) as connection:
        connection.execute("UPDATE spool SET body = CAST(x'64a5' AS TEXT) WHERE body = 'damaged'")

    assert ["before", "d\ufffd", "after"] == bodies(spool)


def test_an_own_file_that_was_removed_is_replaced_with_its_rows(
    spool: Spool, spool_folder: Path
) -> None:
    spool.append(["1"])
    for path in spool_folder.iterdir():
        path.unlink()

    spool.append(["2"])

    assert {"1", "2"} == set(bodies(spool))
    assert 1 == len(files_in(spool_folder))


def test_own_and_left_over_file_can_be_damaged_at_once(
    spool_folder: Path, open_spool: OpenSpool
) -> None:
    killed_after_spooling(spool_folder, "1")
    spool = open_spool()
    spool.append(["2"])
    for path in spool_folder.glob("*.spool*"):
        overwrite(path, 0, path.stat().st_size)

    for row in ("3", "4"):
        spool.append([row])

    assert {"3", "4"} <= set(bodies(spool))
    assert 2 == len(list(spool_folder.glob("*.damaged")))


def test_a_left_over_file_that_cannot_be_read_now_keeps_no_other_row_waiting(
    spool_folder: Path,
    open_spool: OpenSpool,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    left_over = killed_after_spooling(spool_folder, "1")
    spool = open_spool()
    spool.append(["2"])

    def read(file: SpoolFile, *bounds: Any) -> list[SpooledRow]:
        if file.path == left_over:
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = sqlite3.SQLITE_IOERR
            raise error
        return peek(file, *bounds)

    peek = SpoolFile.peek
    with monkeypatch.context() as patch:
        patch.setattr(SpoolFile, "peek", read)
        assert ["2"] == bodies(spool)
    assert f"{left_over} cannot be read now" in caplog.text

    spool.claim_orphans()

    assert ["1", "2"] == bodies(spool)
