"""Move rows from the spool to the database."""

import logging
import time
from collections.abc import Callable, Sequence

from sqlalchemy import Engine

from db.database.foreign_tables import ForeignTableError
from db.database.migrations import migrate
from db.database.tsql import check_compatibility_level
from db.spool.file import QueueDepth, RowLocation, SpooledRow
from db.spool.spool import Spool, SpoolError
from db.writing.batch_limit import BatchLimit
from db.writing.bisection import Refused, write_each
from db.writing.deferred_rows import DeferredRows
from db.writing.errors import ErrorKind, classify, is_connection_error
from db.writing.failure_log import FailureLog, message_of, name_of
from db.writing.insertion import insert_if_absent
from db.writing.metrics import PredictionLogMetrics

BATCH_ROWS = 1000

logger = logging.getLogger(__name__)


class Writer:
    """Write what is spooled, and forget it once it is committed."""

    def __init__(
        self, engine: Engine, spool: Spool, instruments: PredictionLogMetrics, timeout_s: float
    ) -> None:
        """Prepare; nothing is connected yet. The engine gives up after ``timeout_s``."""
        self.failure_log = FailureLog()
        self._engine = engine
        self._spool = spool
        self._instruments = instruments
        self._limit = BatchLimit(timeout_s, BATCH_ROWS)
        self._postponed = DeferredRows(timeout_s)
        self._suspect: RowLocation | None = None  # a row that has failed by itself
        self._knows_schema = False

    def flush(self, should_continue: Callable[[bool], bool]) -> None:
        """Write what there is, at the end what could not be written alone either.

        Raises whatever fails, to be tried again. ``should_continue`` is asked after each
        transaction, whether or not it was a full one: then more rows are likely to wait.
        """
        has_answered = self._ensure_schema()
        while rows := self._next():
            is_full = self._limit.is_reached(rows)
            self._write(rows)
            self.show()  # a long backlog takes minutes
            has_answered = True
            if not should_continue(is_full):
                break
        while (row := self._postponed.due()) is not None and should_continue(True):
            self._retry(row)
            has_answered = True
        if has_answered:
            self.failure_log.success()
        self.show()

    def recover(self, error: Exception) -> None:
        """Report a failure, and have the next attempt begin with a new connection."""
        self.failure_log.failure(error)
        self._engine.dispose()
        self._knows_schema = False
        depth = self.show()
        self._instruments.retried.inc(min(depth.pending, self._limit.rows))

    def show(self) -> QueueDepth:
        """Set the gauges; return how much is spooled."""
        depth = self._spool.depth()
        self._instruments.show(depth, self._spool.used())
        return depth

    def _ensure_schema(self) -> bool:
        """Create what is missing; tell whether the database has just been asked, and obliged.

        A login that may create nothing may still insert: that is tried all the same, unless the
        table is another program's.
        """
        if self._knows_schema:
            return False
        self._knows_schema = True
        check_compatibility_level(self._engine)
        try:
            migrate(self._engine, log=self.failure_log.advice)
        except Exception as error:  # pylint: disable=broad-exception-caught  # sorted by kind
            is_hopeless = is_connection_error(error) or isinstance(error, ForeignTableError)
            if is_hopeless or classify(error) is not ErrorKind.PERMANENT:
                raise
            self.failure_log.failure(error)
            return False
        return True

    def _write(self, rows: Sequence[SpooledRow]) -> None:
        for refused in write_each(rows, self._write_all):
            self._dead_letter(refused)

    def _next(self) -> list[SpooledRow]:
        limit = self._limit
        return self._spool.oldest(limit.rows, limit.bytes, self._postponed.places)

    def _retry(self, row: SpooledRow) -> None:
        """Try a row alone that has failed alone; if it fails again, others go first."""
        try:
            self._write([row])
        except SpoolError:  # its file was replaced: it waits in another place, if it waits
            self._postponed.discard([row])
            raise

    def _write_all(self, rows: Sequence[SpooledRow]) -> None:
        with self._instruments.flush.time(), self._engine.connect() as connection:
            start_s = time.monotonic()
            try:
                with connection.begin():
                    insert_if_absent(connection, [row.body for row in rows])
            except Exception as error:
                if classify(error) is ErrorKind.TRANSIENT:
                    self._attempt_less(rows)
                raise
            duration_s = time.monotonic() - start_s
        self._limit.grow(rows, duration_s)
        self._spool.remove(rows)
        self._suspect = None
        self._postponed.discard(rows)
        self._postponed.note_success()
        self._instruments.written.inc(len(rows))
        self.failure_log.progress()

    def _attempt_less(self, rows: Sequence[SpooledRow]) -> None:
        """After a timeout or a broken connection, go on with half of the rows, or other ones.

        Connections break for many a reason. So it takes a second failure to hold a row guilty.
        """
        place = rows[0].place
        if place not in self._postponed.places:
            self._limit.shrink(rows)  # the others are not as slow as one that is known to be
        if len(rows) > 1:
            return
        if place not in self._postponed.places and place != self._suspect:
            self._suspect = place
        elif self._postponed.add(rows[0]):
            logger.warning(
                "a row of %d bytes cannot be written in time, though others can: it is kept, and "
                "tried again after ever longer pauses",
                rows[0].wire_bytes,
            )

    def _dead_letter(self, refused: Refused[SpooledRow]) -> None:
        error = refused.error
        self._spool.dead_letter(refused.row, f"{type(error).__name__} {message_of(error)}")
        self._postponed.discard([refused.row])
        self._instruments.dead_lettered.inc()
        # no message: it may quote the text
        logger.error(
            "the database refuses a row (%s): it is kept, see `python -m db dead-letters`",
            name_of(error),
        )
