"""The spool keeps what it took, whoever is killed, and shares nothing with its neighbours."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from db.spool import file as spool_file
from db.spool.file import SpoolFile, files_in
from db.spool.spool import Spool, SpoolError, SpoolFullError
from tests.support.spools import OpenSpool, bodies, killed_after_spooling


def test_rows_are_given_oldest_first_and_stay_until_they_are_removed(spool: Spool) -> None:
    spool.append(["1", "2"])
    spool.append(["3"])

    assert ["1", "2"] == bodies(spool, limit=2)
    spool.remove(spool.peek(2))
    assert ["3"] == bodies(spool)


def test_a_row_whose_text_became_bytes_is_a_row_like_others(
    spool: Spool, spool_folder: Path
) -> None:
    spool.append(["1", "2", "3"])
    (path,) = files_in(spool_folder)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE spool SET body = CAST(body AS BLOB) WHERE position = 2")

    assert ["1", "2", "3"] == bodies(spool)


def test_an_empty_spool_leaves_no_file(spool: Spool, spool_folder: Path) -> None:
    spool.append(["1"])
    spool.remove(spool.peek(1))

    spool.close()

    assert not list(spool_folder.iterdir())


def test_what_a_closed_spool_held_is_taken_up_by_the_next(
    spool: Spool, open_spool: OpenSpool
) -> None:
    spool.append(["1", "2"])
    spool.close()

    assert ["1", "2"] == bodies(open_spool())


def test_what_a_killed_process_spooled_is_taken_up_by_the_next(
    spool_folder: Path, open_spool: OpenSpool
) -> None:
    killed_after_spooling(spool_folder, "1", "2")
    killed_after_spooling(spool_folder, "3")

    assert {"1", "2", "3"} == set(bodies(open_spool()))


def test_nothing_remains_of_a_killed_process_that_had_spooled_nothing_more(
    spool_folder: Path, open_spool: OpenSpool
) -> None:
    killed_after_spooling(spool_folder, "1")
    spool = open_spool()

    spool.remove(spool.peek(1))
    spool.close()

    assert not list(spool_folder.iterdir())


def test_a_file_that_was_taken_up_is_deleted_once_it_is_empty(
    spool_folder: Path, open_spool: OpenSpool
) -> None:
    left_over = killed_after_spooling(spool_folder, "1", "2")
    spool = open_spool()

    spool.remove(spool.peek(1))
    assert left_over.exists()
    spool.remove(spool.peek(1))

    assert not left_over.exists()


def test_living_spools_on_one_folder_share_no_file(
    open_spool: OpenSpool, spool_folder: Path
) -> None:
    first, second = open_spool(), open_spool()

    first.append(["first"])
    second.append(["second"])
    first.claim_orphans()
    second.claim_orphans()

    assert [["first"], ["second"]] == [bodies(first), bodies(second)]
    assert 2 == len(files_in(spool_folder))


def test_two_that_start_at_once_do_not_both_take_up_a_file(
    spool_folder: Path, open_spool: OpenSpool
) -> None:
    killed_after_spooling(spool_folder, "1")

    found = bodies(open_spool()) + bodies(open_spool())

    assert ["1"] == found


def test_a_living_neighbour_takes_up_what_a_killed_process_spooled(
    spool: Spool, spool_folder: Path
) -> None:
    killed_after_spooling(spool_folder, "1")

    spool.claim_orphans()

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
        spool.check_writable()
    spool.remove(spool.peek(1))

    spool.check_writable()
    spool.append(["2"])


def test_the_used_share_is_of_rows_or_of_bytes_whichever_is_larger(
    spool_folder: Path, open_spool: OpenSpool
) -> None:
    killed_after_spooling(spool_folder, "1")
    spool = open_spool(max_rows=10, max_bytes=100)

    assert 0.1 == spool.used_ratio()  # what a dead process left over counts too
    spool.append(["2"])
    assert 0.2 == spool.used_ratio()
    spool.append(["x" * 78])
    assert 0.8 == spool.used_ratio()
    spool.remove(spool.peek(3))
    assert 0 == spool.used_ratio()


def test_rows_that_were_taken_up_count(spool_folder: Path, open_spool: OpenSpool) -> None:
    killed_after_spooling(spool_folder, "1", "2")
    spool = open_spool(max_rows=2)

    with pytest.raises(SpoolFullError):
        spool.append(["3"])


def test_quarantined_rows_are_out_of_the_way_and_kept(spool: Spool, open_spool: OpenSpool) -> None:
    spool.append(["1", "2", "3"])

    spool.dead_letter(spool.peek(3)[1], "refused")

    assert ["1", "3"] == bodies(spool)
    assert (2, 1) == (spool.depth().pending, spool.depth().dead_letters)
    spool.close()
    assert 1 == open_spool().depth().dead_letters


def test_the_depth_tells_since_when_the_oldest_row_waits(spool: Spool) -> None:
    assert spool.depth().oldest_s is None

    spool.append(["1"])
    first_s = spool.depth().oldest_s
    spool.append(["2"])

    assert first_s == spool.depth().oldest_s
    spool.remove(spool.peek(1))
    assert spool.depth().oldest_s > first_s  # type: ignore[operator]


def test_a_closed_spool_takes_no_rows_and_gives_none(
    open_spool: OpenSpool, spool_folder: Path
) -> None:
    spool = open_spool()
    spool.close()

    with pytest.raises(SpoolError, match="the service is shutting down"):
        spool.append(["1"])
    with pytest.raises(SpoolError, match="the service is shutting down"):
        spool.peek(1)

    assert not list(spool_folder.iterdir())


def test_a_folder_that_becomes_unwritable_is_an_error_without_its_path(
    spool: Spool, spool_folder: Path
) -> None:
    for path in spool_folder.iterdir():
        path.unlink()
    spool_folder.rmdir()
    spool_folder.write_text("a file, not a spool_folder")

    with pytest.raises(SpoolError) as caught:
        spool.append(["1"])

    assert "the spool cannot be written" == str(caught.value)


def test_other_files_of_the_folder_are_left_alone(
    spool_folder: Path, open_spool: OpenSpool
) -> None:
    spool_folder.mkdir(parents=True)
    (spool_folder / "notes.txt").write_text("mine")

    open_spool().close()

    assert ["notes.txt"] == [path.name for path in spool_folder.iterdir()]


def test_a_file_that_cannot_be_taken_up_keeps_no_other_from_it(
    spool_folder: Path, open_spool: OpenSpool, caplog: pytest.LogCaptureFixture
) -> None:
    killed_after_spooling(spool_folder, "1")
    (spool_folder / "0.spool").touch()
    (spool_folder / "0.lock").mkdir()  # nobody can take such a lock

    assert ["1"] == bodies(open_spool())
    assert "0.spool cannot be taken over now" in caplog.text


def test_a_lock_that_another_start_took_for_a_dead_processs_is_no_obstacle(
    spool_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    take, taken_away = spool_file.try_lock, [None]
    monkeypatch.setattr(
        spool_file, "try_lock", lambda path: taken_away.pop() if taken_away else take(path)
    )

    file = SpoolFile.create(spool_folder)

    assert not taken_away
    assert 1 == len(list(files_in(spool_folder)))
    file.close()
