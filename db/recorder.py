"""Write predictions to the database before their answers leave."""

import logging
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event, insert
from sqlalchemy.exc import ArgumentError, DisconnectionError, SQLAlchemyError

from db.prediction import Prediction
from db.schema import METADATA, METRICS
from db.settings import DatabaseSettings, SettingsError

logger = logging.getLogger(__name__)


class RecordingError(Exception):
    """Predictions could not be recorded; none of them was."""

    def __init__(self, count: int) -> None:
        super().__init__(f"{count} prediction(s) could not be recorded")


class Recorder:
    """The prediction log's writing end: all rows of a call are stored, or none."""

    def __init__(self, settings: DatabaseSettings) -> None:
        """Prepare the connections. Raises SettingsError where the database has no driver here."""
        self._store_text = settings.store_text
        self._engine = _engine(settings.url())
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
            self._has_tables = False  # who knows: look again before the next prediction
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
    try:
        engine = create_engine(url, pool_pre_ping=True, hide_parameters=True)  # logs hold no tweets
        if url.get_backend_name() == "sqlite":
            _prepare_sqlite(engine, Path(url.database or ""))
    except (ArgumentError, ImportError, OSError) as error:
        raise SettingsError(
            "DATABASE_URL or SQL_SERVER",
            f"names a database that cannot be used here ({url.drivername}: {error})",
            "Install its driver, or correct the variable",
        ) from error
    return engine


def _prepare_sqlite(engine: Engine, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)

    def tune(connection: Any, _record: Any) -> None:
        """Let readers and one writer work side by side; commits survive a killed process."""
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA busy_timeout=10000")

    def refuse_deleted_file(*_: Any) -> None:
        """Have the pool connect anew where the file is gone: rows in a deleted file are lost."""
        if not path.exists():
            raise DisconnectionError

    event.listen(engine, "connect", tune)
    event.listen(engine, "checkout", refuse_deleted_file)
