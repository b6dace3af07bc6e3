"""Move rows from the spool to the database."""

import logging
from collections.abc import Callable, Sequence

from sqlalchemy import Engine

from db.bisection import Refused, write_each
from db.compatibility import check_compatibility
from db.failures import Failure, kind_of
from db.insertion import insert_missing
from db.instruments import Instruments
from db.migrations import migrate
from db.ownership import ForeignTableError
from db.reports import Reports, message_of, name_of
from db.spool import Spool
from db.spool_file import Depth, SpooledRow

BATCH_ROWS = 1000
MAX_REWRITTEN_ROWS = 100_000  # which takes seconds, in which predictions are spooled

logger = logging.getLogger(__name__)


class Writer:
    """Write what is spooled, and forget it once it is committed."""

    def __init__(self, engine: Engine, spool: Spool, instruments: Instruments) -> None:
        """Prepare; nothing is connected yet."""
        self.reports = Reports()
        self._engine = engine
        self._spool = spool
        self._instruments = instruments
        self._knows_schema = False

    def work(self, is_to_go_on: Callable[[int], bool]) -> None:
        """Write what there is. Raises whatever fails, to be tried again.

        ``is_to_go_on`` is asked after each transaction, with the number of its rows.
        """
        has_answered = self._learn_schema()
        while rows := self._spool.oldest(BATCH_ROWS):
            self._write(rows)
            self._show()  # a long backlog takes minutes
            has_answered = True
            if not is_to_go_on(len(rows)):
                break
        if has_answered:
            self.reports.success()
        self._show()

    def recover(self, error: Exception) -> None:
        """Report a failure, and have the next attempt begin with a new connection."""
        self.reports.failure(error)
        self._engine.dispose()
        self._knows_schema = False
        depth = self._show()
        self._instruments.retried.inc(min(depth.waiting, BATCH_ROWS))

    def _show(self) -> Depth:
        """Set the gauges; return how much is spooled."""
        depth = self._spool.depth()
        self._instruments.show(depth, self._spool.used())
        return depth

    def _learn_schema(self) -> bool:
        """Create what is missing; tell whether the database has just been asked, and obliged.

        A login that may create nothing may still insert: that is tried all the same, unless the
        table is another program's.
        """
        if self._knows_schema:
            return False
        self._knows_schema = True
        check_compatibility(self._engine)
        try:
            migrate(self._engine, max_rows=MAX_REWRITTEN_ROWS, say=self.reports.advice)
        except Exception as error:  # pylint: disable=broad-exception-caught  # sorted by kind
            if kind_of(error) is not Failure.PERMANENT or isinstance(error, ForeignTableError):
                raise
            self.reports.failure(error)
            return False
        return True

    def _write(self, rows: Sequence[SpooledRow]) -> None:
        for refused in write_each(rows, self._write_all):
            self._quarantine(refused)

    def _write_all(self, rows: Sequence[SpooledRow]) -> None:
        with self._instruments.flush.time(), self._engine.begin() as connection:
            insert_missing(connection, [row.body for row in rows])
        self._spool.remove(rows)
        self._instruments.written.inc(len(rows))

    def _quarantine(self, refused: Refused[SpooledRow]) -> None:
        error = refused.error
        self._spool.quarantine(refused.row, f"{type(error).__name__} {message_of(error)}")
        self._instruments.quarantined.inc()
        # no message: it may quote the text
        logger.error(
            "the database refuses a row (%s): it is kept, see `python -m db quarantine`",
            name_of(error),
        )
