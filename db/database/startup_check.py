"""Check at startup, in the background, whether the database's tables are ours."""

import logging
import threading

from db.database.engine import make_engine
from db.database.foreign_tables import ForeignTableError, reject_foreign_tables
from db.settings import DatabaseSettings
from db.writing.errors import is_login_refused

RESULT_TIMEOUT_S = 2.0
"""How long `result` waits for a database that accepted the connection."""

logger = logging.getLogger(__name__)


class StartupCheck:
    """A check that runs in its own thread from its creation on.

    A service starts even if its database is down: the writer checks again later.
    """

    def __init__(self, settings: DatabaseSettings) -> None:
        """Start the check. Raises SettingsError if the database's driver is missing."""
        self.refused_login: Exception | None = None
        """The database's error if it has refused the login."""
        self._engine = make_engine(settings)
        self._is_connected = threading.Event()
        self._error: ForeignTableError | None = None
        self._thread = threading.Thread(target=self._check, name="startup-check", daemon=True)
        self._thread.start()

    @property
    def is_running(self) -> bool:
        """Return whether the check has not finished."""
        return self._thread.is_alive()

    def result(self) -> ForeignTableError | None:
        """Return the error found so far; wait up to RESULT_TIMEOUT_S if connected."""
        if self._is_connected.is_set():
            self._thread.join(RESULT_TIMEOUT_S)
        return self._error

    def _check(self) -> None:
        try:
            with self._engine.connect() as connection:
                self._is_connected.set()
                reject_foreign_tables(connection)
        except ForeignTableError as error:
            self._error = error
        except Exception as error:  # pylint: disable=broad-exception-caught  # the writer reports it
            self.refused_login = error if is_login_refused(error) else None
            logger.debug("the tables were not checked: %s", type(error).__name__)
        finally:
            self._engine.dispose()
