"""The result of an expensive check is cached for a limited time."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from db.cached_probe import CachedProbe
from tests.support.server import eventually


class Disk:
    """A fake disk that counts its checks."""

    def __init__(self) -> None:
        self.is_well = True
        self.checks = 0
        self.now_s = 100.0
        self.may_end = threading.Event()
        self.may_end.set()

    def monotonic(self) -> float:
        """Return the time in seconds."""
        return self.now_s

    def check(self) -> bool:
        """Wait until the check may end; return whether the disk was well at its start."""
        self.checks += 1
        is_well = self.is_well
        assert self.may_end.wait(60)
        return is_well


@pytest.fixture(name="disk")
def fixture_disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    """Return a disk whose clock only the test moves."""
    disk = Disk()
    monkeypatch.setattr("db.cached_probe.time", disk)
    return disk


def test_a_result_is_cached_until_its_maximum_age(disk: Disk) -> None:
    is_well = CachedProbe(disk.check, max_age_s=1)

    results = []
    for _ in range(10):
        results.append(is_well())
        disk.now_s += 0.25

    assert [True] * 10 == results
    assert 3 == disk.checks


@pytest.mark.parametrize("was_well", [True, False])
def test_a_change_is_seen_once_the_cached_result_expires(disk: Disk, was_well: bool) -> None:
    disk.is_well = was_well
    is_well = CachedProbe(disk.check, max_age_s=1)

    before = is_well()
    disk.is_well = not was_well
    disk.now_s += 0.99
    during = is_well()
    disk.now_s += 0.01

    assert [was_well, was_well, not was_well] == [before, during, is_well()]


def test_the_age_of_a_result_counts_from_the_start_of_its_check(disk: Disk) -> None:
    def slowly() -> bool:
        disk.now_s += 5
        return disk.check()

    is_well = CachedProbe(slowly, max_age_s=1)

    assert is_well()
    disk.is_well = False
    assert not is_well()


def test_concurrent_calls_share_one_check(disk: Disk) -> None:
    is_well = CachedProbe(disk.check, max_age_s=1)
    disk.may_end.clear()

    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(is_well) for _ in range(8)]
        eventually(lambda: disk.checks, 60)
        disk.may_end.set()

    assert [True] * 8 == [each.result() for each in asked]
    assert 1 == disk.checks


def test_nothing_is_cached_if_the_check_raises(disk: Disk) -> None:
    def fail_at_first() -> bool:
        if not disk.check() or disk.checks == 1:
            raise RuntimeError("no result")
        return True

    is_well = CachedProbe(fail_at_first, max_age_s=1)

    with pytest.raises(RuntimeError, match="no result"):
        is_well()
    assert is_well()


def test_a_failure_that_a_caller_has_seen_is_cached_without_a_check(disk: Disk) -> None:
    is_well = CachedProbe(disk.check, max_age_s=1)
    before = is_well()
    is_well.mark_failed()
    during = is_well()
    disk.now_s += 1

    assert [True, False, True] == [before, during, is_well()]
    assert 2 == disk.checks
