"""The thread survives every error of the writer, and flushes once more at the end."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from db.spool.spool import Spool, SpoolError
from db.writing import writer_thread
from db.writing.failure_log import FailureLog
from db.writing.writer_thread import WriterThread

TIMEOUT_S = 20


class FakeWriter:
    """Raises the given errors one by one, then succeeds."""

    def __init__(self, *errors: Exception, fails_to_recover: bool = False) -> None:
        self.failure_log = FailureLog()
        self.has_flushed = threading.Event()
        self.answers: list[bool] = []
        self._errors = list(errors)
        self._fails_to_recover = fails_to_recover

    def flush(self, should_continue: Callable[[bool], bool]) -> None:
        """Fail, or record the thread's answers after a small batch and after a full one."""
        if self._errors:
            raise self._errors.pop(0)
        self.failure_log.record_recovery()
        self.answers = [should_continue(False), should_continue(True)]
        self.has_flushed.set()

    def handle_failure(self, error: Exception) -> None:
        """Log the error, and fail if the spool failed."""
        if self._fails_to_recover:
            raise RuntimeError("no recovery") from error
        self.failure_log.record(error)
        if isinstance(error, SpoolError):
            raise error


class BlockedWriter(FakeWriter):
    """Is in its first flush until the thread is stopped."""

    def __init__(self) -> None:
        super().__init__()
        self.flushes = 0

    def flush(self, should_continue: Callable[[bool], bool]) -> None:
        """Wait until the last flush."""
        self.flushes += 1
        self.has_flushed.set()
        ended = threading.Event()
        while not should_continue(False):
            ended.wait(0.001)


@pytest.fixture(name="start")
def fixture_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[FakeWriter], WriterThread]]:
    """Give a function that starts a thread, with short pauses, and waits until it has flushed."""
    monkeypatch.setattr(writer_thread, "FLUSH_INTERVAL_S", 0.001)
    monkeypatch.setattr(writer_thread, "FIRST_BACKOFF_S", 0.001)
    monkeypatch.setattr(writer_thread, "CLAIM_ORPHANS_EVERY_S", 0)
    spool = Spool(tmp_path, 10, 1000)

    def start(writer: Any) -> WriterThread:
        thread = WriterThread(writer, spool)
        thread.start()
        assert writer.has_flushed.wait(TIMEOUT_S)
        assert thread.is_alive
        return thread

    yield start
    spool.close()


def test_it_survives_every_error_of_a_flush(start: Callable[[FakeWriter], WriterThread]) -> None:
    errors = (RuntimeError("new"), SpoolError("damaged"), OSError(24, "too many"))

    thread = start(FakeWriter(*errors))

    thread.stop(TIMEOUT_S)
    assert not thread.is_alive


def test_it_survives_errors_after_an_error_and_logs_each_once(
    start: Callable[[FakeWriter], WriterThread], caplog: pytest.LogCaptureFixture
) -> None:
    errors = (RuntimeError("new"), RuntimeError("again"))

    start(FakeWriter(*errors, fails_to_recover=True)).stop(TIMEOUT_S)

    assert ["unexpected error in the writer thread, which continues"] == caplog.messages


def test_it_survives_an_error_while_claiming_orphans(
    start: Callable[[FakeWriter], WriterThread],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(_: Spool) -> None:
        raise RuntimeError("orphans cannot be claimed")

    monkeypatch.setattr(Spool, "claim_orphans", fail)

    start(FakeWriter()).stop(TIMEOUT_S)

    assert "orphans cannot be claimed" in caplog.text


def test_it_continues_at_once_after_full_batches_only_and_after_all_at_the_end(
    start: Callable[[FakeWriter], WriterThread],
) -> None:
    writer = FakeWriter()

    thread = start(writer)
    assert [False, True] == writer.answers

    thread.stop(TIMEOUT_S)
    assert [True, True] == writer.answers


def test_rows_spooled_during_a_flush_are_written_before_the_end(
    start: Callable[[FakeWriter], WriterThread],
) -> None:
    writer = BlockedWriter()
    thread = start(writer)

    thread.stop(TIMEOUT_S)

    assert not thread.is_alive
    assert 2 == writer.flushes
