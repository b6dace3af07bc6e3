"""One run at a time works in a folder."""

import pytest

from training.files import Files
from training.lock import ClaimedError, claimed


def test_a_second_run_is_kept_out_while_the_first_is_at_work(tmp_path):
    files = Files(tmp_path)

    with claimed(files), pytest.raises(ClaimedError, match="another training"), claimed(files):
        pass
    with claimed(files):
        pass


def test_two_folders_know_nothing_of_each_other(tmp_path):
    with claimed(Files(tmp_path / "one")), claimed(Files(tmp_path / "other")):
        pass


def test_what_a_killed_run_has_left_is_removed(tmp_path):
    files = Files(tmp_path)
    remains = files.artifacts / ".scratch" / "candidate"
    remains.mkdir(parents=True)

    with claimed(files) as scratch:
        assert remains.parent == scratch
        assert not list(scratch.iterdir())


def test_nothing_of_the_scratch_is_left_afterwards(tmp_path):
    with claimed(Files(tmp_path)) as scratch:
        (scratch / "candidate").mkdir()

    assert not scratch.exists()
