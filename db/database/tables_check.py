"""Ask at the start whether the tables are ours, without waiting for a database that is away."""

import logging
import threading

from db.database.engine import make_engine
from db.database.ownership import ForeignTableError, check_tables
from db.settings import DatabaseSettings
from db.writing.errors import is_login_refused

ANSWER_S = 2.0
"""How long a start waits for a database that has already answered."""

logger = logging.getLogger(__name__)


class TablesCheck:
    """A check that runs in a thread of its own, from its creation on.

    A database that is away is no reason not to start: the writer checks again when it is back.
    """

    def __init__(self, settings: DatabaseSettings) -> None:
        """Begin. Raises SettingsError if the database has no driver here."""
        self.refused_login: Exception | None = None
        """What the database has said by now if it refuses the login."""
        self._engine = make_engine(settings)
        self._is_connected = threading.Event()
        self._found: ForeignTableError | None = None
        self._thread = threading.Thread(target=self._check, name="tables", daemon=True)
        self._thread.start()

    @property
    def is_running(self) -> bool:
        """Return whether the database is still being asked."""
        return self._thread.is_alive()

    def result(self) -> ForeignTableError | None:
        """Return what was found by now; a database that has answered may take ANSWER_S more."""
        if self._is_connected.is_set():
            self._thread.join(ANSWER_S)
        return self._found

    def _check(self) -> None:
        try:
            with self._engine.connect() as connection:
                self._is_connected.set()
                check_tables(connection)
        except ForeignTableError as error:
            self._found = error
        except Exception as error:  # pylint: disable=broad-exception-caught  # the writer reports it
            self.refused_login = error if is_login_refused(error) else None
            logger.debug("the tables were not checked: %s", type(error).__name__)
        finally:
            self._engine.dispose()
