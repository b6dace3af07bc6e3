"""Use a database whose answers are swallowed from one request on, in a process of its own."""

import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from db.engine import make_engine
from db.insertion import insert_missing
from db.settings import DatabaseSettings
from tests.predictions import prediction
from tests.proxy import Proxy
from tests.server import eventually

QUESTIONS = 10
HANGS_S = 30.0


@dataclass(frozen=True)
class Use:
    """How the use of a database ended; ``deadlines`` are the threads that still watch it."""

    requests: int
    swallowed_bytes: int
    has_ended: bool
    deadlines: int


def use_through_proxy(address: tuple[str, int], variables: Mapping[str, str], requests: int) -> Use:
    """Use a database, the answers to all but the first ``requests`` chunks of requests swallowed.

    ``variables`` name the database, except for its address.
    """
    with Proxy(address) as proxy:
        place = {"SQL_SERVER": "localhost", "SQL_PORT": str(proxy.port)}
        fields = {name.lower(): value for name, value in ({**variables} | place).items()}
        engine = make_engine(DatabaseSettings.model_validate(fields))
        proxy.swallow(requests)
        thread = threading.Thread(target=_use, args=[engine], daemon=True)
        thread.start()
        thread.join(HANGS_S)
        has_ended = not thread.is_alive()
        with suppress(AssertionError):
            eventually(lambda: not _deadlines(), HANGS_S)
        return Use(requests, proxy.seen.swallowed_bytes, has_ended, _deadlines())


def _deadlines() -> int:
    return sum(thread.name == "deadline" for thread in threading.enumerate())


def _use(engine: Engine) -> None:
    """Ask and write as the service, its migrations and `db setup` do."""
    transactional = engine.execution_options(isolation_level="READ COMMITTED")
    with suppress(SQLAlchemyError):
        with engine.connect() as connection:
            _ask(connection)
            insert_missing(connection, [prediction().to_json()])
        with transactional.begin() as connection:
            _ask(connection)
        with transactional.connect() as connection:
            _ask(connection)
            connection.rollback()
        with engine.connect() as connection:
            _ask(connection)
    engine.dispose()


def _ask(connection: Connection) -> None:
    for _ in range(QUESTIONS):
        connection.exec_driver_sql("SELECT 1")
