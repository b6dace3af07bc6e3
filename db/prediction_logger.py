"""Record predictions: spool them at once, write them to the database in the background."""

import logging
import sqlite3
from collections.abc import Sequence
from dataclasses import replace

from db.cached_probe import CachedProbe
from db.database.engine import make_engine
from db.prediction import Prediction
from db.settings import DatabaseSettings, SettingsError
from db.spool.spool import Spool, SpoolError
from db.writing.metrics import prediction_log_metrics
from db.writing.writer import Writer
from db.writing.writer_thread import WriterThread

DRAIN_TIMEOUT_S = 5
PROBE_EVERY_S = 1.0

logger = logging.getLogger(__name__)


class PredictionLogError(Exception):
    """No prediction of a call was recorded. The text may be shown to clients."""


class PredictionLogger:
    """The prediction log of a service: a spool, and a thread that writes it to the database."""

    def __init__(self, settings: DatabaseSettings, refused_login: Exception | None = None) -> None:
        """Create a spool file; connect to nothing yet.

        ``refused_login`` is the database's answer if it has just refused the login: then the writer
        starts with a back-off. Raises SettingsError if there is no driver for the database, or if
        SPOOL_DIR is not writable.
        """
        self._store_text = settings.store_text
        self._engine = make_engine(settings)
        try:
            max_bytes = round(settings.spool_max_mb * 1_000_000)
            self._spool = Spool(settings.spool_dir, settings.spool_max_rows, max_bytes)
        except (OSError, sqlite3.Error) as error:
            raise SettingsError(
                f"SPOOL_DIR = {str(settings.spool_dir)!r}",
                f"is not a writable folder ({error})",
                "Set it to a folder on a local disk",
            ) from error
        writer = Writer(
            self._engine, self._spool, prediction_log_metrics(), settings.database_timeout_s
        )
        self._thread = WriterThread(writer, self._spool)
        self._refused_login = refused_login
        self._is_writable = CachedProbe(self._probe, PROBE_EVERY_S)
        self._is_recording = True

    def open(self) -> None:
        """Start the writer thread, which creates missing tables and writes what is spooled."""
        self._thread.start(self._refused_login)

    def record(self, predictions: Sequence[Prediction]) -> None:
        """Spool the predictions in one transaction; then they survive a killed process.

        Raises PredictionLogError, and spools none.
        """
        if not predictions:
            return
        if not self._store_text:
            predictions = [replace(prediction, text=None) for prediction in predictions]
        try:
            self._spool.append([prediction.to_json() for prediction in predictions])
        except SpoolError as error:
            self._is_writable.mark_failed()
            self._log_change(error)
            raise PredictionLogError(str(error)) from error
        self._log_change(None)
        self._thread.wake()

    def is_ready(self) -> bool:
        """Return whether predictions can be recorded, even if the database is down.

        Checks the disk at most once a second.
        """
        return self._thread.is_alive and self._is_writable()

    def retry_login(self) -> None:
        """End the back-off of a refused login."""
        self._thread.retry_login()

    def close(self) -> None:
        """Flush for up to DRAIN_TIMEOUT_S; the remaining rows stay in the spool."""
        self._thread.stop(DRAIN_TIMEOUT_S)
        self._engine.dispose()
        self._spool.close()

    def _probe(self) -> bool:
        try:
            self._spool.check_writable()
        except SpoolError:
            return False
        return True

    def _log_change(self, error: SpoolError | None) -> None:
        """Log when recording starts to fail and when it works again, not each request between."""
        if self._is_recording and error is not None:
            logger.error("predictions are refused: %s", error, exc_info=error.__cause__)
        elif not self._is_recording and error is None:
            logger.info("predictions are recorded again")
        self._is_recording = error is None
