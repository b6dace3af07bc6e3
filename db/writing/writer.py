"""Write spooled rows to the database."""

import logging
import time
from collections.abc import Callable, Sequence

from sqlalchemy import Engine

from db.database.foreign_tables import ForeignTableError
from db.database.migrations import migrate
from db.database.tsql import check_compatibility_level
from db.spool.file import QueueDepth, SpooledRow
from db.spool.spool import Spool, SpoolError
from db.writing.batches import BatchPlanner
from db.writing.bisection import RejectedRow, write_each
from db.writing.errors import (
    ErrorKind,
    classify,
    error_message,
    error_name,
    is_connection_error,
)
from db.writing.failure_log import FailureLog
from db.writing.insertion import insert_if_absent
from db.writing.metrics import PredictionLogMetrics

logger = logging.getLogger(__name__)


class Writer:
    """Move rows from the spool to the database: insert, commit, then remove from the spool."""

    def __init__(
        self, engine: Engine, spool: Spool, metrics: PredictionLogMetrics, timeout_s: float
    ) -> None:
        """Connect to nothing yet. The engine's statements time out after ``timeout_s``."""
        self.failure_log = FailureLog()
        self._engine = engine
        self._spool = spool
        self._metrics = metrics
        self._planner = BatchPlanner(spool, timeout_s)
        self._is_schema_checked = False

    def flush(self, should_continue: Callable[[bool], bool]) -> None:
        """Write all pending rows, then retry deferred ones.

        ``should_continue`` is called after each transaction with whether the batch was full.
        Raises any error; call `handle_failure` with it and flush again later.
        """
        has_answered = self._ensure_schema()
        while rows := self._planner.next_batch():
            is_full = self._planner.is_full(rows)
            self._write(rows)
            self.update_metrics()  # a long backlog takes minutes
            has_answered = True
            if not should_continue(is_full):
                break
        while (row := self._planner.next_deferred()) is not None and should_continue(True):
            self._retry(row)
            has_answered = True
        if has_answered:
            self.failure_log.record_recovery()
        self.update_metrics()

    def handle_failure(self, error: Exception) -> None:
        """Log an error of `flush`, and close all connections: the next flush opens new ones."""
        self.failure_log.record(error)
        self._engine.dispose()
        self._is_schema_checked = False
        depth = self.update_metrics()
        self._metrics.retried.inc(min(depth.pending, self._planner.max_rows))

    def update_metrics(self) -> QueueDepth:
        """Set the gauges; return the spool's depth."""
        depth = self._spool.depth()
        self._metrics.update(depth, self._spool.used_ratio())
        return depth

    def _ensure_schema(self) -> bool:
        """Create missing tables, once; return whether the database has just done so.

        A login without the right to create tables may still insert, so go on, unless a table
        belongs to another program.
        """
        if self._is_schema_checked:
            return False
        self._is_schema_checked = True
        check_compatibility_level(self._engine)
        try:
            migrate(self._engine, log=self.failure_log.warn_once)
        except Exception as error:  # pylint: disable=broad-exception-caught  # classified here
            stops_writing = is_connection_error(error) or isinstance(error, ForeignTableError)
            if stops_writing or classify(error) is not ErrorKind.PERMANENT:
                raise
            self.failure_log.record(error)
            return False
        return True

    def _write(self, rows: Sequence[SpooledRow]) -> None:
        for rejected in write_each(rows, self._write_batch):
            self._dead_letter(rejected)

    def _retry(self, row: SpooledRow) -> None:
        """Write a deferred row on its own."""
        try:
            self._write([row])
        except SpoolError:  # its file was replaced: if it is pending, then at another location
            self._planner.discard(row)
            raise

    def _write_batch(self, rows: Sequence[SpooledRow]) -> None:
        """Insert rows in one transaction, then remove them from the spool."""
        with self._metrics.flush.time(), self._engine.connect() as connection:
            start_s = time.monotonic()
            try:
                with connection.begin():
                    insert_if_absent(connection, [row.body for row in rows])
            except Exception as error:
                if classify(error) is ErrorKind.TRANSIENT:
                    self._planner.failed(rows)
                raise
            duration_s = time.monotonic() - start_s
        self._spool.remove(rows)
        self._planner.written(rows, duration_s)
        self._metrics.written.inc(len(rows))
        self.failure_log.reset_count()

    def _dead_letter(self, rejected: RejectedRow[SpooledRow]) -> None:
        error = rejected.error
        self._spool.dead_letter(rejected.row, f"{type(error).__name__} {error_message(error)}")
        self._planner.discard(rejected.row)
        self._metrics.dead_lettered.inc()
        logger.error(  # without the message, which may quote the text
            "the database refuses a row (%s): it is kept, see `python -m db dead-letters`",
            error_name(error),
        )
