"""Log when writing to the database fails and recovers: each kind of failure once."""

import logging
import traceback

from db.database.foreign_tables import ForeignTableError
from db.database.tsql import IncompatibleDatabaseError
from db.spool.spool import SpoolError
from db.writing.errors import ErrorKind, classify, error_message, error_name, is_login_refused

logger = logging.getLogger(__name__)


class FailureLog:
    """The failures of the writer: ``count`` since it last wrote rows."""

    def __init__(self) -> None:
        self.count = 0
        self.is_login_refused = False
        """Whether that was the latest failure."""
        self._is_failing = False
        self._logged: set[tuple[ErrorKind, str, bool]] = set()
        self._warnings: set[str] = set()

    def record(self, error: Exception) -> None:
        """Count an error, and log it unless its like was logged since the last recovery."""
        self.count += 1
        self._is_failing = True
        self.is_login_refused = is_login_refused(error)
        key = (classify(error), error_name(error), self.is_login_refused)
        if key not in self._logged:
            self._logged.add(key)
            self._log(error)

    def warn_once(self, message: str) -> None:
        """Log a problem of the database that does not stop the writer."""
        if message not in self._warnings:
            self._warnings.add(message)
            logger.warning(message)

    def reset_count(self) -> None:
        """Restart the count, since some rows were written."""
        self.count = 0

    def record_recovery(self) -> None:
        """Log once that writing works again."""
        if self._is_failing:
            logger.info("the database accepts predictions again")
        self.count = 0
        self._is_failing = False
        self.is_login_refused = False
        self._logged.clear()

    def _log(self, error: Exception) -> None:
        kind = classify(error)
        message = error_message(error)
        if isinstance(error, SpoolError):
            logger.error("spooled predictions cannot be read or removed", exc_info=error)
        elif isinstance(error, IncompatibleDatabaseError | ForeignTableError):
            logger.error("predictions stay in the spool until this is fixed: %s", error)
        elif kind is ErrorKind.TRANSIENT:
            logger.warning("the database is down, predictions stay in the spool: %s", message)
        elif self.is_login_refused:
            logger.error(
                "the database refuses the login, predictions stay in the spool: %s. Retries are up "
                "to 10 minutes apart, so that they do not lock the account. Correct the login, "
                "then run `python -m db retry` or send SIGHUP",
                message,
            )
        elif kind is ErrorKind.PERMANENT:
            logger.error(
                "the database refuses predictions, which stay in the spool until this is fixed: "
                "%s. Run `python -m db setup` to update tables and logins",
                message,
            )
        else:  # no message, since an unknown one may quote a text
            logger.error(
                "writing to the database failed (%s), predictions stay in the spool\n%s",
                error_name(error),
                "".join(traceback.format_tb(error.__traceback__)),
            )
