"""Say in the log how the database takes predictions: once, until there is something else to say."""

import logging
import traceback

from db.database.foreign_tables import ForeignTableError
from db.database.tsql import IncompatibleDatabaseError
from db.spool.spool import SpoolError
from db.writing.errors import ErrorKind, classify, is_login_refused, sqlstate

logger = logging.getLogger(__name__)


class FailureLog:
    """The failures since rows were written; ``failures`` counts them."""

    def __init__(self) -> None:
        self.failures = 0
        self._is_failing = False
        self.is_login_refused = False
        """Whether that was the latest failure."""
        self._said: set[tuple[ErrorKind, str, bool]] = set()
        self._advised: set[str] = set()

    def failure(self, error: Exception) -> None:
        """Report an error that is to be tried again."""
        self.failures += 1
        self._is_failing = True
        self.is_login_refused = is_login_refused(error)
        saying = (classify(error), name_of(error), self.is_login_refused)
        if saying not in self._said:
            self._said.add(saying)
            self._say(error)

    def advice(self, what: str) -> None:
        """Report, once, what is worth a change of the database; predictions are written anyway."""
        if what not in self._advised:
            self._advised.add(what)
            logger.warning(what)

    def progress(self) -> None:
        """Note that some rows were written: the next failure is the first one after them."""
        self.failures = 0

    def success(self) -> None:
        """Report that the database took all that there was."""
        if self._is_failing:
            logger.info("the database takes predictions again")
        self.failures = 0
        self._is_failing = False
        self.is_login_refused = False
        self._said.clear()

    def _say(self, error: Exception) -> None:
        kind = classify(error)
        if isinstance(error, SpoolError):
            logger.error("spooled predictions cannot be read or removed", exc_info=error)
        elif isinstance(error, IncompatibleDatabaseError | ForeignTableError):
            logger.error("predictions are spooled until somebody acts: %s", error)
        elif kind is ErrorKind.TRANSIENT:
            logger.warning("the database is away, predictions are spooled: %s", message_of(error))
        elif self.is_login_refused:
            logger.error(
                "the database refuses the login, predictions are spooled: %s; attempts are up to "
                "10 minutes apart, so that they do not lock the account: once the login is mended, "
                "run `python -m db retry` or send SIGHUP",
                message_of(error),
            )
        elif kind is ErrorKind.PERMANENT:
            logger.error(
                "the database refuses predictions, which are spooled until somebody acts: %s; "
                "`python -m db setup` brings tables and logins up to date",
                message_of(error),
            )
        else:  # of a message that is not known, nobody knows whether it quotes a text
            logger.error(
                "writing to the database failed (%s), predictions are spooled\n%s",
                name_of(error),
                "".join(traceback.format_tb(error.__traceback__)),
            )


def name_of(error: Exception) -> str:
    """Return an error's class, and its SQLSTATE where it has one."""
    state = sqlstate(getattr(error, "orig", error))
    return type(error).__name__ + (f" {state}" if state else "")


def message_of(error: Exception) -> str:
    """Return the first line of the driver's message; PostgreSQL quotes the row in the second."""
    return str(getattr(error, "orig", error)).partition("\n")[0]
