"""Use a database whose answers get lost from one request on, each time in its own process."""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from db.database.engine import make_engine
from db.settings import DatabaseSettings
from db.spool.spool import Spool
from db.writing.insertion import insert_if_absent
from db.writing.metrics import prediction_log_metrics
from db.writing.writer import Writer
from tests.support.predictions import prediction
from tests.support.proxy import Proxy
from tests.support.server import eventually

REQUESTS = 40
PROCESSES = 8  # they mostly wait
QUERIES = 10
HANGS_S = 30.0
T = TypeVar("T")


@dataclass(frozen=True)
class Use:
    """How the use of a database ended; ``watchdogs`` counts threads that are left."""

    requests: int
    dropped_bytes: int
    has_ended: bool
    watchdogs: int


@dataclass(frozen=True)
class Delivery:
    """How rows were delivered: the ``ids`` of all, and the number ``left`` in the spool."""

    requests: int
    dropped_bytes: int
    has_ended: bool
    ids: frozenset[str]
    left: int


def for_each_request(
    try_one: Callable[[tuple[str, int], Mapping[str, str], int], T],
    address: tuple[str, int],
    variables: Mapping[str, str],
) -> list[T]:
    """Call one of the functions here for each of the first requests, each in its own process."""
    with ProcessPoolExecutor(PROCESSES, get_context("spawn")) as processes:
        return list(processes.map(partial(try_one, address, variables), range(REQUESTS)))


def use_through_proxy(address: tuple[str, int], variables: Mapping[str, str], requests: int) -> Use:
    """Use a database that answers only the first ``requests`` chunks of requests.

    ``variables`` name the database, except for its address.
    """
    with Proxy(address) as proxy:
        engine = make_engine(_settings_through(proxy, variables))
        proxy.drop_answers(requests)
        thread = threading.Thread(target=_use, args=[engine], daemon=True)
        thread.start()
        thread.join(HANGS_S)
        has_ended = not thread.is_alive()
        with suppress(AssertionError):
            eventually(lambda: not _watchdogs(), HANGS_S)
        return Use(requests, proxy.seen.dropped_bytes, has_ended, _watchdogs())


def deliver_through_proxy(
    address: tuple[str, int], variables: Mapping[str, str], requests: int
) -> Delivery:
    """Flush rows, first as in `use_through_proxy`, then without faults."""
    with Proxy(address) as proxy, TemporaryDirectory() as folder:
        settings = _settings_through(proxy, variables)
        spool = Spool(Path(folder) / "spool", 100, 10**6)
        engine = make_engine(settings)
        writer = Writer(engine, spool, prediction_log_metrics(), settings.database_timeout_s)
        rows = [prediction() for _ in range(3)]
        spool.append([row.to_json() for row in rows])
        proxy.drop_answers(requests)
        thread = threading.Thread(target=_deliver, args=[writer], daemon=True)
        thread.start()
        thread.join(HANGS_S)
        has_ended, dropped_bytes = not thread.is_alive(), proxy.seen.dropped_bytes
        proxy.restore()
        if has_ended:
            with suppress(AssertionError):
                eventually(lambda: _delivers_all(writer, spool), HANGS_S)
        left = spool.depth().pending
        engine.dispose()
        spool.close()
    ids = frozenset(str(row.id) for row in rows)
    return Delivery(requests, dropped_bytes, has_ended, ids, left)


def _settings_through(proxy: Proxy, variables: Mapping[str, str]) -> DatabaseSettings:
    place = {"SQL_SERVER": "localhost", "SQL_PORT": str(proxy.port)}
    fields = {name.lower(): value for name, value in ({**variables} | place).items()}
    return DatabaseSettings.model_validate(fields)


def _deliver(writer: Writer) -> None:
    """Flush once, as the writer's thread does."""
    try:
        writer.flush(lambda _: True)
    except Exception as error:  # pylint: disable=broad-exception-caught  # as the thread does
        writer.handle_failure(error)


def _delivers_all(writer: Writer, spool: Spool) -> bool:
    _deliver(writer)
    return spool.depth().pending == 0


def _watchdogs() -> int:
    return sum(thread.name == "watchdog" for thread in threading.enumerate())


def _use(engine: Engine) -> None:
    """Query and insert as the service, migrations and `db setup` do."""
    transactional = engine.execution_options(isolation_level="READ COMMITTED")
    with suppress(SQLAlchemyError):
        with engine.connect() as connection:
            _query(connection)
            insert_if_absent(connection, [prediction().to_json()])
        with transactional.begin() as connection:
            _query(connection)
        with transactional.connect() as connection:
            _query(connection)
            connection.rollback()
        with engine.connect() as connection:
            _query(connection)
    engine.dispose()


def _query(connection: Connection) -> None:
    for _ in range(QUERIES):
        connection.exec_driver_sql("SELECT 1")
