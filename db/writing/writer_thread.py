"""Flush the spool in a thread: soon after rows arrive, later after failures, once at the end."""

import logging
import random
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from db.spool.spool import Spool, SpoolError
from db.writing.errors import is_login_refused
from db.writing.login_backoff import LoginBackoff
from db.writing.writer import Writer

FLUSH_INTERVAL_S = 0.5  # rows that arrive within it share a batch
CLAIM_ORPHANS_EVERY_S = 30
FIRST_BACKOFF_S = 0.1
MAX_BACKOFF_S = 5.0
CHECK_LOGIN_EVERY_S = 1.0  # whether the login may be tried again

logger = logging.getLogger(__name__)


class WriterThread:
    """The one thread of a process that writes to the database."""

    def __init__(self, writer: Writer, spool: Spool) -> None:
        self._writer = writer
        self._spool = spool
        self._login_backoff = LoginBackoff(spool.folder)
        self._deadline_s = float("inf")
        self._claimed_orphans_s = time.monotonic()
        self._failing: set[str] = set()  # the steps that failed the last time
        self._has_rows, self._stopping = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)

    def start(self, refused_login: Exception | None = None) -> None:
        """Start with missing tables and the rows of earlier processes.

        A new process may have a new password, so it tries to log in at once, unless the database
        has just answered with ``refused_login``.
        """
        if refused_login is None:
            self._login_backoff.clear()
        else:
            self._handle_failure(refused_login)
        self._thread.start()

    def wake(self) -> None:
        """Report that there are new rows."""
        self._has_rows.set()

    def retry_login(self) -> None:
        """End the back-off of a refused login."""
        self._login_backoff.clear()

    def stop(self, timeout_s: float) -> None:
        """Flush once more, without retries, and wait up to ``timeout_s`` for the thread's end."""
        self._deadline_s = time.monotonic() + timeout_s
        self._stopping.set()
        self._has_rows.set()
        if self.is_alive:
            self._thread.join(timeout_s)

    @property
    def is_alive(self) -> bool:
        """Return whether the thread runs."""
        return self._thread.is_alive()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._log_errors(self._claim_orphans)
            self._log_errors(self._flush)
            self._wait()
        if time.monotonic() < self._deadline_s:  # later, the spool is closed
            self._log_errors(self._flush)

    def _log_errors(self, step: Callable[[], None]) -> None:
        """Run a step; log an unexpected error unless the step failed the last time, too."""
        try:
            step()
        except Exception:  # pylint: disable=broad-exception-caught  # the thread must go on
            if step.__name__ not in self._failing:
                logger.exception("unexpected error in the writer thread, which continues")
            self._failing.add(step.__name__)
        else:
            self._failing.discard(step.__name__)

    def _claim_orphans(self) -> None:
        if time.monotonic() > self._claimed_orphans_s + CLAIM_ORPHANS_EVERY_S:
            self._claimed_orphans_s = time.monotonic()
            self._spool.claim_orphans()

    def _flush(self) -> None:
        was_refused = self._writer.failure_log.is_login_refused
        if was_refused and not self._login_backoff.may_try():
            self._writer.update_metrics()  # rows still arrive
            return
        try:
            self._writer.flush(self._should_continue)
        except Exception as error:  # pylint: disable=broad-exception-caught  # the thread must go on
            if was_refused and not is_login_refused(error):
                self._login_backoff.release()
            self._handle_failure(error)
        else:
            if was_refused:
                self._login_backoff.clear()

    def _handle_failure(self, error: Exception) -> None:
        if is_login_refused(error):
            self._login_backoff.refuse()
        with suppress(SpoolError):  # the next flush raises it again
            self._writer.handle_failure(error)

    def _should_continue(self, was_full: bool) -> bool:
        """Return whether to write the next batch now rather than after the flush interval."""
        if self._stopping.is_set():
            return time.monotonic() < self._deadline_s
        return was_full

    def _wait(self) -> None:
        failure_log = self._writer.failure_log
        if failure_log.is_login_refused:
            self._stopping.wait(_with_jitter(CHECK_LOGIN_EVERY_S))
        elif failure_log.count:
            backoff_s = FIRST_BACKOFF_S * 2 ** min(failure_log.count, 10)
            self._stopping.wait(_with_jitter(min(MAX_BACKOFF_S, backoff_s)))
        else:
            self._has_rows.wait(FLUSH_INTERVAL_S)  # requeued rows do not set it
            self._has_rows.clear()
            self._stopping.wait(FLUSH_INTERVAL_S)


def _with_jitter(seconds: float) -> float:
    """Return up to half less, so that workers do not retry at the same time."""
    return seconds * random.uniform(0.5, 1)
