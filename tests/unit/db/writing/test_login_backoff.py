"""After a refused login, one worker at a time retries, ever more rarely, until it is corrected."""

from pathlib import Path

import pytest

from db.writing.login_backoff import FILE, MAX_DELAY_S, LoginBackoff, clear_login_backoff
from tests.support.clock import Clock

MAX_WITH_JITTER_S = 1.25 * MAX_DELAY_S


@pytest.fixture(name="clock", autouse=True)
def fixture_clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Replace the clock."""
    clock = Clock()
    monkeypatch.setattr("db.writing.login_backoff.time", clock)
    return clock


def attempts_within(clock: Clock, folder: Path, seconds: int, workers: int = 1) -> int:
    """Count the logins of workers that check every second and are always refused."""
    backoffs = [LoginBackoff(folder) for _ in range(workers)]
    attempts = 0
    for _ in range(seconds):
        for backoff in backoffs:
            if backoff.may_try():
                attempts += 1
                backoff.refuse()
        clock.now_s += 1
    return attempts


def test_the_first_login_is_not_delayed(tmp_path: Path) -> None:
    assert LoginBackoff(tmp_path).may_try()


@pytest.mark.parametrize("workers", [1, 4])
def test_all_workers_together_retry_a_few_times_in_ten_minutes(
    clock: Clock, tmp_path: Path, workers: int
) -> None:
    first_minute = attempts_within(clock, tmp_path, 60, workers)
    next_minutes = attempts_within(clock, tmp_path, 540, workers)
    next_hour = attempts_within(clock, tmp_path, 3600, workers)

    assert 2 <= first_minute <= 3
    assert 2 <= next_minutes <= 4
    assert 3600 / MAX_WITH_JITTER_S - 1 <= next_hour <= 3600 / (0.75 * MAX_DELAY_S) + 1


def test_clearing_the_back_off_lets_all_workers_try(tmp_path: Path) -> None:
    workers = [LoginBackoff(tmp_path) for _ in range(3)]
    workers[0].refuse()
    assert [False] * 3 == [worker.may_try() for worker in workers]

    assert clear_login_backoff(tmp_path)

    assert [True] * 3 == [worker.may_try() for worker in workers]
    assert not list(tmp_path.iterdir())
    assert not clear_login_backoff(tmp_path)


def test_while_one_worker_tries_the_others_wait_for_the_result(
    clock: Clock, tmp_path: Path
) -> None:
    first, second = LoginBackoff(tmp_path), LoginBackoff(tmp_path)
    first.refuse()
    clock.now_s += MAX_WITH_JITTER_S

    assert first.may_try()
    assert not second.may_try()
    first.clear()
    assert second.may_try()


def test_an_attempt_that_fails_before_the_login_does_not_count(
    clock: Clock, tmp_path: Path
) -> None:
    backoff = LoginBackoff(tmp_path)
    backoff.refuse()
    clock.now_s += MAX_WITH_JITTER_S
    assert backoff.may_try()

    backoff.release()

    assert backoff.may_try()


def test_the_delay_ends_if_the_clock_was_set_back(clock: Clock, tmp_path: Path) -> None:
    backoff = LoginBackoff(tmp_path)
    backoff.refuse()

    clock.now_s -= 1_000_000

    assert backoff.may_try()


def test_a_worker_that_cannot_write_the_file_waits_too(tmp_path: Path) -> None:
    folder = tmp_path / "no_folder"
    backoff = LoginBackoff(folder)

    backoff.refuse()

    assert not backoff.may_try()
    backoff.clear()
    assert backoff.may_try()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"count": 1}', '{"count": 1, "next_s": null}'])
def test_a_damaged_file_is_ignored(tmp_path: Path, content: str) -> None:
    (tmp_path / FILE).write_text(content)

    assert LoginBackoff(tmp_path).may_try()
