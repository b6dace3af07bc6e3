"""Wait for a database, and try again what may succeed then."""

import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from db.admin.setup_error import SetupError
from db.writing.errors import ErrorKind, classify, is_hopeless, is_lasting, reason

WAIT_S = 180  # a new container of SQL Server takes up to a minute
RETRY_EVERY_S = 1
# A server that starts may refuse the right password, but an account may be locked by wrong ones.
LOGIN_ATTEMPTS = 3
LOGIN_RETRY_EVERY_S = 10
STEP_ATTEMPTS = 4
FREETDS_GIVES_NO_REASON = "Unable to connect to data source (0)"
TRUST = (
    "Give the server a certificate that this machine trusts, or set"
    " SQL_TRUST_SERVER_CERTIFICATE=true to accept its own"
)

T = TypeVar("T")


def wait_for(engine: Engine, say: Callable[[str], None]) -> None:
    """Connect until it works.

    Raises SetupError after ``WAIT_S`` seconds, after a few refused logins, and at once if no
    attempt can help.
    """
    deadline_s = time.monotonic() + WAIT_S
    refused, told = 0, ""
    while True:
        try:
            engine.connect().close()
            return
        except DBAPIError as error:
            refused += is_lasting(error)
            _give_up_in_time(error, refused, deadline_s)
            if told != (told := f"{error.orig}{_remedy(error)}"):
                say(f"waiting for the database: {told}")
            wait_s = LOGIN_RETRY_EVERY_S if is_lasting(error) else RETRY_EVERY_S
        except SQLAlchemyError as error:  # its own, of a connection that broke in its questions
            if time.monotonic() > deadline_s:
                raise SetupError(f"not within {WAIT_S} s: {error}") from None
            wait_s = RETRY_EVERY_S
        time.sleep(wait_s)


def repeat(engine: Engine, step: Callable[[], T]) -> T:
    """Take a step of a set-up, again if it fails, as it may while others take it too.

    The step looks first at what is there: what another has created by then is a success. Raises
    SQLAlchemyError if it fails for good, or as often as ``STEP_ATTEMPTS``.
    """
    failed = 0
    while True:
        try:
            return step()
        except SQLAlchemyError as error:
            failed += 1
            if failed == STEP_ATTEMPTS or classify(error) is ErrorKind.PERMANENT:
                raise
            engine.dispose()  # who creates a database ends all connections to it
        time.sleep(RETRY_EVERY_S)


def _give_up_in_time(error: DBAPIError, refused: int, deadline_s: float) -> None:
    if is_hopeless(error):
        raise SetupError(f"{error.orig}{_remedy(error)}") from None
    if refused == LOGIN_ATTEMPTS:
        raise SetupError(
            f"the database has refused the login {refused} times, and more attempts may lock it: "
            f"{reason(error)}. Correct the password or the name, then set up again"
        ) from None
    if time.monotonic() > deadline_s:
        raise SetupError(f"not within {WAIT_S} s: {error.orig}{_remedy(error)}") from None


def _remedy(error: DBAPIError) -> str:
    text = str(error.orig)
    if "SQL Server" not in text:
        return ""
    if FREETDS_GIVES_NO_REASON in text:
        return f". FreeTDS gives no reason: the host is unknown, or its certificate. {TRUST}"
    return f". {TRUST}" if "certificate" in text.lower() else ""
