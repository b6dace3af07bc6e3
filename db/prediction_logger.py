"""The prediction log as the service sees it: what is recorded here reaches the database."""

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

DRAIN_DEADLINE_S = 5
PROBE_EVERY_S = 1.0

logger = logging.getLogger(__name__)


class PredictionLogError(Exception):
    """Predictions could not be recorded; none of them was. The text is fit for clients."""


class PredictionLogger:
    """Spool predictions at once, and have a thread write them to the database."""

    def __init__(self, settings: DatabaseSettings, refused_login: Exception | None = None) -> None:
        """Prepare the database's connections and take a file of the spool.

        ``refused_login`` is what the database has just said if it refuses the login of the
        settings: then nothing connects until the back-off ends, or `retry` ends it.
        Raises SettingsError where the database has no driver here or the spool no place.
        """
        self._store_text = settings.store_text
        self._engine = make_engine(settings)
        try:
            max_bytes = round(settings.spool_max_mb * 1_000_000)
            self._spool = Spool(settings.spool_dir, settings.spool_max_rows, max_bytes)
        except (OSError, sqlite3.Error) as error:
            raise SettingsError(
                f"SPOOL_DIR = {str(settings.spool_dir)!r}",
                f"is no folder that can be written to ({error})",
                "Name one on a local disk",
            ) from error
        timeout_s = settings.database_timeout_s
        writer = Writer(self._engine, self._spool, prediction_log_metrics(), timeout_s)
        self._thread = WriterThread(writer, self._spool)
        self._refused_login = refused_login
        self._can_spool = CachedProbe(self._probe, PROBE_EVERY_S)
        self._is_recording = True

    def open(self) -> None:
        """Start writing: first the tables that are missing, then what was left over."""
        self._thread.start(self._refused_login)

    def record(self, predictions: Sequence[Prediction]) -> None:
        """Spool the predictions in one transaction; on return they are safe from a kill.

        Raises PredictionLogError and spools none.
        """
        if not predictions:
            return
        if not self._store_text:
            predictions = [replace(prediction, text=None) for prediction in predictions]
        try:
            self._spool.append([prediction.to_json() for prediction in predictions])
        except SpoolError as error:
            self._can_spool.mark_failed()
            self._say(f"predictions are refused: {error}", error.__cause__)
            raise PredictionLogError(str(error)) from error
        self._say(None)
        self._thread.wake()

    def is_ready(self) -> bool:
        """Return whether predictions can be recorded; the database may be away.

        The disk is asked once a second at most, however often this is.
        """
        return self._thread.is_alive and self._can_spool()

    def retry(self) -> None:
        """Log in at once if the database has refused the login."""
        self._thread.retry()

    def close(self) -> None:
        """Write what is spooled, as far as that succeeds soon; the rest waits on the disk."""
        self._thread.stop(DRAIN_DEADLINE_S)
        self._engine.dispose()
        self._spool.close()

    def _probe(self) -> bool:
        try:
            self._spool.check()
        except SpoolError:
            return False
        return True

    def _say(self, trouble: str | None, cause: BaseException | None = None) -> None:
        """Log when recording stops and when it goes on, not every request between."""
        if self._is_recording and trouble is not None:
            logger.error(trouble, exc_info=cause)
        elif not self._is_recording and trouble is None:
            logger.info("predictions are recorded again")
        self._is_recording = trouble is None
