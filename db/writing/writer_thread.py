"""When the writer works: soon after rows come, later after failures, and once more at the end."""

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

FLUSH_INTERVAL_S = 0.5  # how long the first row of a batch waits for others
CLAIM_ORPHANS_EVERY_S = 30  # how often files of dead neighbours are looked for
FIRST_BACKOFF_S = 0.1
LONGEST_BACKOFF_S = 5.0
LOOK_EVERY_S = 1.0  # whether the login may be tried again

logger = logging.getLogger(__name__)


class WriterThread:
    """The one thread of a process that writes."""

    def __init__(self, writer: Writer, spool: Spool) -> None:
        """Prepare the thread."""
        self._writer = writer
        self._spool = spool
        self._logins = LoginBackoff(spool.folder)
        self._ends_s = float("inf")
        self._adopted_s = time.monotonic()
        self._failing: set[str] = set()  # what failed the latest time
        self._spooled, self._stopping = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)

    def start(self, refused_login: Exception | None = None) -> None:
        """Start: the tables that are missing and what was left over come first.

        A new process may have a new password: it does not wait, though others do, unless
        ``refused_login`` is what the database has just said to it.
        """
        if refused_login is None:
            self._logins.clear()
        else:
            self._fail(refused_login)
        self._thread.start()

    def wake(self) -> None:
        """Tell that there are new rows."""
        self._spooled.set()

    def retry(self) -> None:
        """Log in at once if the database has refused the login."""
        self._logins.clear()

    def stop(self, deadline_s: float) -> None:
        """Write what is spooled, as far as that succeeds at once and within ``deadline_s``."""
        self._ends_s = time.monotonic() + deadline_s
        self._stopping.set()
        self._spooled.set()
        if self.is_alive:
            self._thread.join(deadline_s)

    @property
    def is_alive(self) -> bool:
        """Tell whether it writes."""
        return self._thread.is_alive()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._survive(self._claim_orphan)
            self._survive(self._work)
            self._wait()
        if time.monotonic() < self._ends_s:  # else nobody waits for it, and the spool is closed
            self._survive(self._work)

    def _survive(self, action: Callable[[], None]) -> None:
        """Act; a failure that nobody expected is logged, once in a row, and the thread goes on."""
        try:
            action()
        except Exception:  # pylint: disable=broad-exception-caught  # the thread goes on
            if action.__name__ not in self._failing:
                logger.exception("the writer failed, and goes on")
            self._failing.add(action.__name__)
        else:
            self._failing.discard(action.__name__)

    def _claim_orphan(self) -> None:
        if time.monotonic() > self._adopted_s + CLAIM_ORPHANS_EVERY_S:
            self._adopted_s = time.monotonic()
            self._spool.claim_orphans()

    def _work(self) -> None:
        was_refused = self._writer.failure_log.is_login_refused
        if was_refused and not self._logins.may_try():
            self._writer.show()  # rows go on coming
            return
        try:
            self._writer.flush(self._should_continue)
        except Exception as error:  # pylint: disable=broad-exception-caught  # the thread goes on
            if was_refused and not is_login_refused(error):
                self._logins.release()
            self._fail(error)
        else:
            if was_refused:
                self._logins.clear()

    def _fail(self, error: Exception) -> None:
        if is_login_refused(error):
            self._logins.refuse()
        with suppress(SpoolError):  # which comes again with the next attempt
            self._writer.recover(error)

    def _should_continue(self, was_full: bool) -> bool:
        """Tell whether more is to be written: else the next rows gather first."""
        if self._stopping.is_set():
            return time.monotonic() < self._ends_s
        return was_full

    def _wait(self) -> None:
        failure_log = self._writer.failure_log
        if failure_log.is_login_refused:
            self._stopping.wait(LOOK_EVERY_S * random.uniform(0.5, 1))
        elif failures := failure_log.failures:
            longest_s = min(LONGEST_BACKOFF_S, FIRST_BACKOFF_S * 2 ** min(failures, 10))
            self._stopping.wait(longest_s * random.uniform(0.5, 1))  # so that workers spread
        else:
            self._spooled.wait(FLUSH_INTERVAL_S)  # rows that are replayed wake nobody
            self._spooled.clear()
            self._stopping.wait(FLUSH_INTERVAL_S)
