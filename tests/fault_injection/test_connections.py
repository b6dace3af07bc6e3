"""Connections to the database that break, hang or are slow, without a look at their bytes.

All tests here suit any ``database``, also one that speaks TLS.
"""

import random

from tests.fault_injection.conftest import EVERY_SERVER, MakeService
from tests.fault_injection.report import Report
from tests.support.database import Database
from tests.support.load import Load
from tests.support.proxy import Proxy
from tests.support.server import eventually

CUTS = 8
STALLS = 3
DELAY_S = 0.05
MAX_REQUESTS = 6  # a transaction takes the client fewer chunks than that
TIMEOUT = {"DATABASE_TIMEOUT_S": "2"}
NOTICED_WITHIN_S = 15


def interrupt(proxy: Proxy, requests: int) -> None:
    """Cut a connection in the middle of what it says; return once that is done."""
    before = proxy.seen.interrupted
    proxy.interrupt(requests)
    eventually(lambda: proxy.seen.interrupted > before, NOTICED_WITHIN_S)


def swallow(proxy: Proxy, requests: int) -> None:
    """Drop answers of the database from that request on; return once one was dropped."""
    before = proxy.seen.swallowed_bytes
    proxy.swallow(requests)
    eventually(lambda: proxy.seen.swallowed_bytes > before, NOTICED_WITHIN_S)


def stall(proxy: Proxy) -> None:
    """Let connections hang; return once the service has given up one and opened another."""
    before = proxy.seen.connections
    proxy.stall()
    eventually(lambda: proxy.seen.connections > before, NOTICED_WITHIN_S)


@EVERY_SERVER
def test_a_service_that_starts_without_its_database_answers_and_delivers_later(
    database: Database, proxy: Proxy, make_service: MakeService, report: Report
) -> None:
    service = make_service(database.environment(proxy.port))
    proxy.cut()

    with service.serve(), Load(service.url) as load:  # ready on /readyz by now
        load.await_answers(100)
        proxy.restore()
        load.await_answers(100)
        report.conclude(database, [service], [load], 200)

    assert not load.refusals


@EVERY_SERVER
def test_connections_cut_in_the_middle_of_anything_lose_and_double_nothing(
    database: Database,
    proxy: Proxy,
    make_service: MakeService,
    chance: random.Random,
    report: Report,
) -> None:
    service = make_service(database.environment(proxy.port))

    with service.serve(), Load(service.url) as load:
        for cut in range(1, CUTS + 1):
            load.await_answers(chance.randrange(1, 60))
            interrupt(proxy, chance.randrange(MAX_REQUESTS))
            proxy.cut()
            load.await_answers(chance.randrange(1, 30))
            proxy.restore()
            report.line(f"cut {cut} times, answered {len(load.answers)}")
        report.conclude(database, [service], [load], 150)

    assert not load.refusals


@EVERY_SERVER
def test_answers_of_the_database_that_never_arrive_lose_and_double_nothing(
    database: Database,
    proxy: Proxy,
    make_service: MakeService,
    chance: random.Random,
    report: Report,
) -> None:
    service = make_service(database.environment(proxy.port), TIMEOUT)

    with service.serve(), Load(service.url) as load:
        for cut in range(1, CUTS + 1):
            load.await_answers(chance.randrange(20, 60))
            swallow(proxy, chance.randrange(MAX_REQUESTS))
            load.await_answers(chance.randrange(1, 30))
            proxy.cut()
            proxy.restore()
            report.line(f"swallowed and cut {cut} times, answered {len(load.answers)}")
        report.conclude(database, [service], [load], 200)

    assert not load.refusals


@EVERY_SERVER
def test_a_connection_that_hangs_is_given_up_and_its_late_bytes_change_nothing(
    database: Database, proxy: Proxy, make_service: MakeService, report: Report
) -> None:
    service = make_service(database.environment(proxy.port), TIMEOUT)

    with service.serve(), Load(service.url) as load:
        for stalls in range(1, STALLS + 1):
            load.await_answers(50)
            stall(proxy)
            proxy.restore()
            report.line(f"stalled {stalls} times, answered {len(load.answers)}")
        report.conclude(database, [service], [load], 300)

    assert not load.refusals


@EVERY_SERVER
def test_a_slow_connection_loses_and_doubles_nothing(
    database: Database, proxy: Proxy, make_service: MakeService, report: Report
) -> None:
    service = make_service(database.environment(proxy.port))

    with service.serve(), Load(service.url) as load:
        load.await_answers(50)
        proxy.delay(DELAY_S)
        load.await_answers(400)
        report.conclude(database, [service], [load], 450)

    assert not load.refusals
