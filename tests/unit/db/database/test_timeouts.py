"""No call takes longer than its timeout, whichever of SQL Server's answers never arrives."""

import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import psutil
import pytest
from sqlalchemy.exc import SQLAlchemyError

from db.database.engine import make_engine
from db.database.timeouts import Watchdog
from tests.support.lost_answers import (
    HANGS_S,
    deliver_through_proxy,
    for_each_request,
    use_through_proxy,
)
from tests.support.proxy import Proxy
from tests.support.server import eventually
from tests.support.tds import sqlalchemy_queries
from tests.support.tds.answers import Answer, Done, Failed, Rows
from tests.support.tds.drivers import DRIVERS, find_driver, stand_in_settings
from tests.support.tds.requests import Query
from tests.support.tds.server import TDSServer

VARIABLES = {
    "SQL_USER": "service",
    "SQL_PASSWORD": "secret",
    "SQL_TRUST_SERVER_CERTIFICATE": "true",
    "DATABASE_TIMEOUT_S": "1",
}


@dataclass
class PredictionLog:
    """Accept rows from a login that may not create tables; ``ids`` are those of all INSERTs."""

    ids: list[str] = field(default_factory=list)

    def answer(self, query: Query) -> Answer:
        """Answer the dialect's queries, and record the ids of inserted rows."""
        if "OPENJSON" in query.sql:
            self.ids += [row["id"] for row in json.loads(str(query.parameters[0]))]
        if query.sql.strip().startswith("CREATE"):
            return Failed(262, "CREATE TABLE permission denied in database 'sentiment'.", 14)
        known = sqlalchemy_queries.answer(query)
        return known or (Rows(["name"]) if "SELECT" in query.sql[:10] else Done(1))


def answer(query: Query) -> Answer:
    """Answer the dialect's queries, SELECTs with a row, and accept all others."""
    known = sqlalchemy_queries.answer(query)
    if known is not None:
        return known
    return Rows(["number"], [[1]]) if query.sql.startswith("SELECT") else Done(1)


@pytest.fixture(name="server")
def fixture_server(tls: ssl.SSLContext) -> Iterator[TDSServer]:
    """Start a stand-in for SQL Server."""
    with TDSServer(tls, answer) as server:
        yield server


@pytest.mark.parametrize("name", DRIVERS)
@pytest.mark.slow
def test_a_missing_answer_is_waited_for_until_the_timeout(name: str, server: TDSServer) -> None:
    variables = VARIABLES | {"SQL_DRIVER": find_driver(name)}

    uses = for_each_request(use_through_proxy, server.address, variables)

    assert [] == [use for use in uses if not use.has_ended or use.watchdogs]
    assert all(use.dropped_bytes for use in uses)


@pytest.mark.parametrize("name", DRIVERS)
@pytest.mark.slow
def test_rows_are_delivered_despite_a_missing_answer(name: str, tls: ssl.SSLContext) -> None:
    variables = VARIABLES | {"SQL_DRIVER": find_driver(name)}
    log = PredictionLog()

    with TDSServer(tls, log.answer) as server:
        deliveries = for_each_request(deliver_through_proxy, server.address, variables)

    assert [] == [each for each in deliveries if not each.has_ended or each.left]
    assert all(each.dropped_bytes for each in deliveries)
    assert set(log.ids) == {id_ for each in deliveries for id_ in each.ids}


@pytest.mark.parametrize("name", DRIVERS)
def test_an_idle_connection_is_not_aborted(name: str, server: TDSServer) -> None:
    engine = make_engine(stand_in_settings(name, server.address[1], database_timeout_s=1))

    with engine.connect() as connection:
        first = connection.exec_driver_sql("SELECT 1").scalar()
    time.sleep(1.5)  # longer than the timeout, but the connection is not in use
    with engine.connect() as connection:
        again = connection.exec_driver_sql("SELECT 1").scalar()
    engine.dispose()

    assert (1, 1) == (first, again)
    assert 1 == len(server.logins)


@pytest.mark.parametrize("name", DRIVERS)
def test_other_connections_of_the_process_stay_open(name: str, server: TDSServer) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        socket.create_connection(silent.getsockname()) as other,
        socket.create_connection(server.address) as earlier,
    ):
        port = silent.getsockname()[1]
        engine = make_engine(stand_in_settings(name, port, database_timeout_s=1))

        with pytest.raises(SQLAlchemyError):
            engine.connect()
        with silent.accept()[0] as accepted:
            accepted.sendall(b"for the other")

        assert b"for the other" == other.recv(100)
        earlier.sendall(b"x")  # to another port: raises if it was shut down
    engine.dispose()


def test_connecting_works_if_sockets_cannot_be_listed_and_one_warning_is_logged(
    server: TDSServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> None:
        raise psutil.AccessDenied

    monkeypatch.setattr(psutil.Process, "net_connections", refuse)
    engine = make_engine(stand_in_settings("Microsoft", server.address[1]))

    with engine.connect() as connection:
        assert 1 == connection.exec_driver_sql("SELECT 1").scalar()
    engine.dispose()

    assert 1 == caplog.text.count("this process's sockets cannot be listed")


@pytest.mark.parametrize("place", ["127.0.0.1,{port}", "127.0.0.1:{port}"])
def test_sockets_that_other_threads_open_meanwhile_stay_open(server: TDSServer, place: str) -> None:
    clients: list[tuple[socket.socket, socket.socket]] = []
    has_connected = threading.Event()
    with Proxy(server.address) as proxy, socket.create_server(("127.0.0.1", 0)) as http:

        def open_clients() -> None:
            while not has_connected.wait(0.01):
                clients.append((socket.create_connection(http.getsockname()), http.accept()[0]))

        host = place.format(port=proxy.port)
        url = f"mssql+pyodbc://u:p@{host}/db"
        settings = stand_in_settings("Microsoft", 1, database_url=url, database_timeout_s=1)
        engine = make_engine(settings)
        opener = threading.Thread(target=open_clients)
        opener.start()
        eventually(lambda: clients, HANGS_S)
        with engine.connect() as connection:
            connection.exec_driver_sql("SELECT 1")
        has_connected.set()
        opener.join()
        proxy.stall()
        with pytest.raises(SQLAlchemyError), engine.connect() as connection:
            connection.exec_driver_sql("SELECT 1")
        engine.dispose()

    for client, accepted in clients:
        accepted.sendall(b"still there")
        assert b"still there" == client.recv(100)
        client.close()
        accepted.close()


def test_a_watchdog_aborts_again_until_nothing_is_left() -> None:
    left = [True, True, False]
    watchdog = Watchdog(0.01, lambda: left.pop(0))

    eventually(lambda: not left, HANGS_S)
    watchdog.cancel()


def test_a_cancelled_watchdog_does_not_abort() -> None:
    aborted = threading.Event()
    watchdog = Watchdog(0.05, lambda: bool(aborted.set()))

    watchdog.cancel()

    assert not aborted.wait(0.1)
