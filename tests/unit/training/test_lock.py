"""One run at a time works in a folder."""

import fcntl

import pytest

from training.files import Files
from training.lock import AlreadyRunningError, run_lock


def test_a_second_run_is_refused_while_the_first_one_works(tmp_path):
    files = Files(tmp_path)

    with (
        run_lock(files),
        pytest.raises(AlreadyRunningError, match="another training"),
        run_lock(files),
    ):
        pass
    with run_lock(files):
        pass


def test_a_run_of_an_earlier_version_is_not_disturbed(tmp_path):
    files = Files(tmp_path)
    files.artifacts.mkdir()

    with (files.artifacts / ".claim").open("wb") as claim:
        fcntl.flock(claim, fcntl.LOCK_EX)
        with pytest.raises(AlreadyRunningError), run_lock(files):
            pass


def test_two_folders_have_locks_of_their_own(tmp_path):
    with run_lock(Files(tmp_path / "one")), run_lock(Files(tmp_path / "other")):
        pass


def test_temporary_files_of_a_killed_run_are_deleted(tmp_path):
    files = Files(tmp_path)
    remains = files.artifacts / ".scratch" / "candidate"
    remains.mkdir(parents=True)

    with run_lock(files) as scratch:
        assert remains.parent == scratch
        assert not list(scratch.iterdir())


def test_temporary_files_are_deleted_afterwards(tmp_path):
    with run_lock(Files(tmp_path)) as scratch:
        (scratch / "candidate").mkdir()

    assert not scratch.exists()
