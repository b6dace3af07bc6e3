"""Write predictions to the database before their answers leave."""

import logging
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event, insert
from sqlalchemy.exc import SQLAlchemyError

from db.prediction import Prediction
from db.schema import METADATA, METRICS
from db.settings import DatabaseSettings

logger = logging.getLogger(__name__)


class RecordingError(Exception):
    """Predictions could not be recorded; none of them was."""

    def __init__(self, count: int) -> None:
        super().__init__(f"{count} prediction(s) could not be recorded")


class Recorder:
    """The prediction log's writing end: all rows of a call are stored, or none."""

    def __init__(self, settings: DatabaseSettings) -> None:
        self._store_text = settings.store_text
        self.url = settings.url()
        self._engine = _engine(self.url)
        self._has_tables = False

    def open(self) -> None:
        """Create the tables that are missing.

        Where the database is away, that is tried again with the next prediction.
        """
        try:
            self._create_tables()
        except SQLAlchemyError as error:
            logger.error("predictions are refused until the database answers", exc_info=error)

    def record(self, predictions: Sequence[Prediction]) -> None:
        """Store the predictions in one transaction. Raises RecordingError and stores none."""
        if not predictions:
            return
        rows = [self._row(prediction) for prediction in predictions]
        try:
            self._create_tables()
            with self._engine.begin() as connection:
                connection.execute(insert(METRICS), rows)
        except SQLAlchemyError as error:
            logger.error("could not record %d prediction(s)", len(rows), exc_info=error)
            raise RecordingError(len(rows)) from error

    def close(self) -> None:
        """Close all connections; what was recorded is committed already."""
        self._engine.dispose()

    def _create_tables(self) -> None:
        if not self._has_tables:
            METADATA.create_all(self._engine)
            self._has_tables = True

    def _row(self, prediction: Prediction) -> dict[str, Any]:
        row = asdict(prediction)
        return row if self._store_text else {**row, "text": None}


def _engine(url: URL) -> Engine:
    engine = create_engine(url, pool_pre_ping=True, hide_parameters=True)  # tweets stay out of logs
    if url.get_backend_name() == "sqlite":
        if url.database:
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        event.listen(engine, "connect", _tune_sqlite)
    return engine


def _tune_sqlite(connection: Any, _record: Any) -> None:
    """Let readers and one writer work side by side; commits survive a killed process."""
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA busy_timeout=10000")
