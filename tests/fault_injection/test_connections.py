"""Connections to the database break, hang or are slow."""

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
MAX_REQUESTS = 6  # more than a client sends in one transaction
TIMEOUT = {"DATABASE_TIMEOUT_S": "2"}
NOTICED_WITHIN_S = 15


def interrupt(proxy: Proxy, requests: int) -> None:
    """Cut a connection during a transaction, and wait until that happened."""
    before = proxy.seen.interrupted
    proxy.interrupt(requests)
    eventually(lambda: proxy.seen.interrupted > before, NOTICED_WITHIN_S)


def swallow(proxy: Proxy, requests: int) -> None:
    """Drop the database's answers from that request on, and wait until one was dropped."""
    before = proxy.seen.dropped_bytes
    proxy.drop_answers(requests)
    eventually(lambda: proxy.seen.dropped_bytes > before, NOTICED_WITHIN_S)


def stall(proxy: Proxy) -> None:
    """Let connections hang, and wait until the service opens another one."""
    before = proxy.seen.connections
    proxy.stall()
    eventually(lambda: proxy.seen.connections > before, NOTICED_WITHIN_S)


@EVERY_SERVER
def test_a_service_answers_without_its_database_and_writes_the_rows_later(
    database: Database, proxy: Proxy, make_service: MakeService, report: Report
) -> None:
    service = make_service(database.environment(proxy.port))
    proxy.cut()

    with service.serve(), Load(service.url) as load:  # /readyz is 200
        load.await_answers(100)
        proxy.restore()
        load.await_answers(100)
        report.conclude(database, [service], [load], 200)

    assert not load.refusals


@EVERY_SERVER
def test_no_row_is_lost_or_doubled_when_connections_are_cut_at_any_moment(
    database: Database,
    proxy: Proxy,
    make_service: MakeService,
    rng: random.Random,
    report: Report,
) -> None:
    service = make_service(database.environment(proxy.port))

    with service.serve(), Load(service.url) as load:
        for cut in range(1, CUTS + 1):
            load.await_answers(rng.randrange(1, 60))
            interrupt(proxy, rng.randrange(MAX_REQUESTS))
            proxy.cut()
            load.await_answers(rng.randrange(1, 30))
            proxy.restore()
            report.line(f"cut {cut} times, answered {len(load.answers)}")
        report.conclude(database, [service], [load], 150)

    assert not load.refusals


@EVERY_SERVER
def test_no_row_is_lost_or_doubled_when_answers_of_the_database_are_dropped(
    database: Database,
    proxy: Proxy,
    make_service: MakeService,
    rng: random.Random,
    report: Report,
) -> None:
    service = make_service(database.environment(proxy.port), TIMEOUT)

    with service.serve(), Load(service.url) as load:
        for cut in range(1, CUTS + 1):
            load.await_answers(rng.randrange(20, 60))
            swallow(proxy, rng.randrange(MAX_REQUESTS))
            load.await_answers(rng.randrange(1, 30))
            proxy.cut()
            proxy.restore()
            report.line(f"dropped and cut {cut} times, answered {len(load.answers)}")
        report.conclude(database, [service], [load], 200)

    assert not load.refusals


@EVERY_SERVER
def test_no_row_is_lost_or_doubled_when_connections_hang_and_recover_late(
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
def test_no_row_is_lost_or_doubled_on_a_slow_connection(
    database: Database, proxy: Proxy, make_service: MakeService, report: Report
) -> None:
    service = make_service(database.environment(proxy.port))

    with service.serve(), Load(service.url) as load:
        load.await_answers(50)
        proxy.delay(DELAY_S)
        load.await_answers(400)
        report.conclude(database, [service], [load], 450)

    assert not load.refusals
