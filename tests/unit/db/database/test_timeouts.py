"""Whatever SQL Server does not answer, and whenever: its drivers' waits end."""

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import psutil
import pytest
from sqlalchemy.exc import SQLAlchemyError

from db.database.engine import make_engine
from db.database.timeouts import Watchdog
from db.settings import DatabaseSettings
from tests.support.proxy import Proxy
from tests.support.server import eventually
from tests.support.swallowed import (
    HANGS_S,
    deliver_through_proxy,
    for_each_request,
    use_through_proxy,
)
from tests.support.tds import sqlalchemy_queries
from tests.support.tds.answers import Answer, Done, Failed, Rows
from tests.support.tds.drivers import DRIVERS, find_driver
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
    """Takes rows, from a login that may create no tables; ``ids`` are those of all INSERTs."""

    ids: list[str] = field(default_factory=list)

    def answer(self, query: Query) -> Answer:
        """Answer questions of the dialect and about tables, and keep the ids of rows."""
        if "OPENJSON" in query.sql:
            self.ids += [row["id"] for row in json.loads(str(query.parameters[0]))]
        if query.sql.strip().startswith("CREATE"):
            return Failed(262, "CREATE TABLE permission denied in database 'sentiment'.", 14)
        known = sqlalchemy_queries.answer(query)
        return known or (Rows(["name"]) if "SELECT" in query.sql[:10] else Done(1))


def answer(query: Query) -> Answer:
    """Answer what the dialect asks, selections with a row, and all else with success."""
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
def test_an_answer_that_never_comes_is_waited_for_no_longer_than_the_timeout(
    name: str, server: TDSServer
) -> None:
    variables = VARIABLES | {"SQL_DRIVER": find_driver(name)}

    uses = for_each_request(use_through_proxy, server.address, variables)

    assert [] == [use for use in uses if not use.has_ended or use.deadlines]
    assert all(use.swallowed_bytes for use in uses)


@pytest.mark.parametrize("name", DRIVERS)
@pytest.mark.slow
def test_rows_are_delivered_although_an_answer_never_came(name: str, tls: ssl.SSLContext) -> None:
    variables = VARIABLES | {"SQL_DRIVER": find_driver(name)}
    log = PredictionLog()

    with TDSServer(tls, log.answer) as server:
        deliveries = for_each_request(deliver_through_proxy, server.address, variables)

    assert [] == [each for each in deliveries if not each.has_ended or each.left]
    assert all(each.swallowed_bytes for each in deliveries)
    assert set(log.ids) == {id_ for each in deliveries for id_ in each.ids}


@pytest.mark.parametrize("name", DRIVERS)
def test_what_is_answered_in_time_is_not_cut(name: str, server: TDSServer) -> None:
    variables = VARIABLES | {"SQL_DRIVER": find_driver(name), "SQL_SERVER": "localhost"}
    fields = {key.lower(): value for key, value in variables.items()}
    settings = DatabaseSettings.model_validate(fields | {"sql_port": server.address[1]})
    engine = make_engine(settings)

    with engine.connect() as connection:
        first = connection.exec_driver_sql("SELECT 1").scalar()
    threading.Event().wait(1.5)  # longer than the timeout, but nobody waits for the database
    with engine.connect() as connection:
        again = connection.exec_driver_sql("SELECT 1").scalar()
    engine.dispose()

    assert (1, 1) == (first, again)
    assert 1 == len(server.logins)


@pytest.mark.parametrize("name", DRIVERS)
def test_other_connections_of_the_process_are_left_alone(name: str, server: TDSServer) -> None:
    variables = VARIABLES | {"SQL_DRIVER": find_driver(name), "SQL_SERVER": "localhost"}
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        socket.create_connection(silent.getsockname()) as other,
        socket.create_connection(server.address) as earlier,
    ):
        fields = {key.lower(): value for key, value in variables.items()}
        port = silent.getsockname()[1]
        engine = make_engine(DatabaseSettings.model_validate(fields | {"sql_port": port}))

        with pytest.raises(SQLAlchemyError):
            engine.connect()
        with silent.accept()[0] as accepted:
            accepted.sendall(b"for the other")

        assert b"for the other" == other.recv(100)
        earlier.sendall(b"x")  # of another port: it would raise if it had been shut down
    engine.dispose()


def test_a_system_that_lists_no_sockets_is_told_once_and_keeps_nobody_from_connecting(
    server: TDSServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> None:
        raise psutil.AccessDenied

    monkeypatch.setattr(psutil.Process, "net_connections", refuse)
    variables = VARIABLES | {"SQL_DRIVER": find_driver("Microsoft"), "SQL_SERVER": "localhost"}
    fields = {key.lower(): value for key, value in variables.items()}
    settings = DatabaseSettings.model_validate(fields | {"sql_port": server.address[1]})
    engine = make_engine(settings)

    with engine.connect() as connection:
        assert 1 == connection.exec_driver_sql("SELECT 1").scalar()
    engine.dispose()

    assert 1 == caplog.text.count("this process's sockets cannot be listed")


@pytest.mark.parametrize("place", ["127.0.0.1,{port}", "127.0.0.1:{port}"])
def test_sockets_that_other_threads_open_meanwhile_are_left_alone(
    server: TDSServer, place: str
) -> None:
    clients: list[tuple[socket.socket, socket.socket]] = []
    has_connected = threading.Event()
    with Proxy(server.address) as proxy, socket.create_server(("127.0.0.1", 0)) as http:

        def open_clients() -> None:
            while not has_connected.wait(0.01):
                clients.append((socket.create_connection(http.getsockname()), http.accept()[0]))

        host = place.format(port=proxy.port)
        settings = DatabaseSettings.model_validate(
            {
                "database_url": f"mssql+pyodbc://u:p@{host}/db",
                "sql_driver": find_driver("Microsoft"),
                "sql_trust_server_certificate": True,
                "database_timeout_s": 1,
            }
        )
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


def test_a_deadline_cuts_again_until_nothing_is_left() -> None:
    left = [True, True, False]
    watchdog = Watchdog(0.01, lambda: left.pop(0))

    eventually(lambda: not left, HANGS_S)
    watchdog.cancel()


def test_a_deadline_that_is_cancelled_cuts_nothing() -> None:
    cut = threading.Event()
    watchdog = Watchdog(0.2, lambda: bool(cut.set()))

    watchdog.cancel()

    assert not cut.wait(0.5)
