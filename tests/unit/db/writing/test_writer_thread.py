"""The thread goes on, whatever the writer raises."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from db.spool.spool import Spool, SpoolError
from db.writing.failure_log import FailureLog
from db.writing.writer_thread import WriterThread

SOON_S = 20


class FailingWriter:
    """Fails a few times, each time in another way; then works."""

    def __init__(self, failures: list[Exception]) -> None:
        self.failure_log = FailureLog()
        self.has_worked = threading.Event()
        self.answers: list[bool] = []
        self._failures = failures

    def flush(self, should_continue: Callable[[bool], bool]) -> None:
        """Fail, or note what the thread wants after a small batch and after a full one."""
        if self._failures:
            raise self._failures.pop(0)
        self.failure_log.record_recovery()
        self.answers = [should_continue(False), should_continue(True)]
        self.has_worked.set()

    def handle_failure(self, error: Exception) -> None:
        """Report, and fail if it was the spool that failed."""
        self.failure_log.record(error)
        if isinstance(error, SpoolError):
            raise error


class InterruptedWriter:
    """Is told in the midst of its first work that it is the last."""

    def __init__(self) -> None:
        self.failure_log = FailureLog()
        self.works = threading.Event()
        self.times = 0

    def flush(self, should_continue: Callable[[bool], bool]) -> None:
        """Work; the first time until it is told."""
        self.times += 1
        self.works.set()
        ends_s = time.monotonic() + SOON_S
        while not should_continue(False) and time.monotonic() < ends_s:
            time.sleep(0.001)
        self.failure_log.record_recovery()


@pytest.fixture(name="spool")
def fixture_spool(tmp_path: Path) -> Iterator[Spool]:
    """Open an empty spool."""
    spool = Spool(tmp_path, 10, 1000)
    yield spool
    spool.close()


def test_no_error_ends_it(spool: Spool) -> None:
    writer = FailingWriter([RuntimeError("new"), SpoolError("damaged"), OSError(24, "too many")])
    thread = WriterThread(writer, spool)  # type: ignore[arg-type]

    thread.start()

    assert writer.has_worked.wait(SOON_S)
    assert thread.is_alive
    thread.stop(SOON_S)
    assert not thread.is_alive


class UnlikelyWriter(FailingWriter):
    """Fails to recover, too."""

    def handle_failure(self, error: Exception) -> None:
        """Fail."""
        raise RuntimeError("no recovery") from error


def test_no_error_of_its_recovery_ends_it_and_each_is_logged_once_in_a_row(
    spool: Spool, caplog: pytest.LogCaptureFixture
) -> None:
    writer = UnlikelyWriter([RuntimeError("new"), RuntimeError("again")])
    thread = WriterThread(writer, spool)  # type: ignore[arg-type]

    thread.start()

    assert writer.has_worked.wait(SOON_S)
    assert thread.is_alive
    assert ["unexpected error in the writer thread, which continues"] == caplog.messages
    thread.stop(SOON_S)


def test_no_error_of_adopting_ends_it(
    spool: Spool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise RuntimeError("nobody can be adopted")

    monkeypatch.setattr("db.writing.writer_thread.CLAIM_ORPHANS_EVERY_S", 0)
    monkeypatch.setattr(spool, "claim_orphans", fail)
    writer = FailingWriter([])
    thread = WriterThread(writer, spool)  # type: ignore[arg-type]

    thread.start()

    assert writer.has_worked.wait(SOON_S)
    assert thread.is_alive
    thread.stop(SOON_S)
    assert "nobody can be adopted" in caplog.text


def test_it_goes_on_at_once_after_full_batches_only(spool: Spool) -> None:
    writer = FailingWriter([])
    thread = WriterThread(writer, spool)  # type: ignore[arg-type]

    thread.start()
    assert writer.has_worked.wait(SOON_S)

    assert [False, True] == writer.answers
    thread.stop(SOON_S)
    assert [True, True] == writer.answers  # at the end, all that is spooled


def test_what_was_spooled_while_it_worked_is_written_before_it_ends(spool: Spool) -> None:
    writer = InterruptedWriter()
    thread = WriterThread(writer, spool)  # type: ignore[arg-type]
    thread.start()
    assert writer.works.wait(SOON_S)

    thread.stop(SOON_S)

    assert not thread.is_alive
    assert 2 == writer.times
