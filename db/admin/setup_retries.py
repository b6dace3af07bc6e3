"""Wait for a database to accept connections, and retry the steps of a setup."""

import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from db.writing.errors import ErrorKind, classify, explain, is_fatal, requires_action

CONNECT_DEADLINE_S = 180  # a new container of SQL Server takes up to a minute
RETRY_INTERVAL_S = 1
# A server that is starting may refuse the right password, but wrong ones may lock an account.
MAX_LOGIN_ATTEMPTS = 3
LOGIN_RETRY_INTERVAL_S = 10
MAX_STEP_ATTEMPTS = 4
FREETDS_UNKNOWN_REASON = "Unable to connect to data source (0)"
TRUST = (
    "Install a certificate that this machine trusts on the server, or set "
    "SQL_TRUST_SERVER_CERTIFICATE=true to accept a self-signed one"
)

T = TypeVar("T")


class SetupError(Exception):
    """The database could not be set up; the text contains no secret."""


def wait_for_database(engine: Engine, log: Callable[[str], None]) -> None:
    """Connect, and retry until it works.

    Raises SetupError after CONNECT_DEADLINE_S, after MAX_LOGIN_ATTEMPTS refused logins, or at once
    if retrying cannot help, for instance without a driver.
    """
    deadline_s = time.monotonic() + CONNECT_DEADLINE_S
    refused, logged = 0, ""
    while True:
        try:
            engine.connect().close()
            return
        except DBAPIError as error:
            refused += requires_action(error)
            _raise_if_final(error, refused, deadline_s)
            if logged != (logged := f"{error.orig}{_remedy(error)}"):
                log(f"waiting for the database: {logged}")
            wait_s = LOGIN_RETRY_INTERVAL_S if requires_action(error) else RETRY_INTERVAL_S
        except SQLAlchemyError as error:  # the connection broke during SQLAlchemy's first queries
            if time.monotonic() > deadline_s:
                raise SetupError(_timed_out(error)) from None
            wait_s = RETRY_INTERVAL_S
        time.sleep(wait_s)


def retry(engine: Engine, step: Callable[[], T]) -> T:
    """Return the result of a step, retrying it if it fails, as it may during another setup.

    The step must be idempotent. Raises SQLAlchemyError if retrying cannot help, or after
    MAX_STEP_ATTEMPTS.
    """
    failures = 0
    while True:
        try:
            return step()
        except SQLAlchemyError as error:
            failures += 1
            if failures == MAX_STEP_ATTEMPTS or classify(error) is ErrorKind.PERMANENT:
                raise
            engine.dispose()  # CREATE DATABASE of another setup ends connections to the database
        time.sleep(RETRY_INTERVAL_S)


def _raise_if_final(error: DBAPIError, refused: int, deadline_s: float) -> None:
    if is_fatal(error):
        raise SetupError(f"{error.orig}{_remedy(error)}") from None
    if refused == MAX_LOGIN_ATTEMPTS:
        raise SetupError(
            f"the database refused the login {refused} times, and more attempts may lock it: "
            f"{explain(error)}. Correct the password or the name, and run the setup again"
        ) from None
    if time.monotonic() > deadline_s:
        raise SetupError(f"{_timed_out(error.orig)}{_remedy(error)}") from None


def _timed_out(error: object) -> str:
    return f"no connection to the database within {CONNECT_DEADLINE_S} s: {error}"


def _remedy(error: DBAPIError) -> str:
    text = str(error.orig)
    if "SQL Server" not in text:
        return ""
    if FREETDS_UNKNOWN_REASON in text:
        return f". FreeTDS gives no reason: unknown host or untrusted certificate. {TRUST}"
    return f". {TRUST}" if "certificate" in text.lower() else ""
