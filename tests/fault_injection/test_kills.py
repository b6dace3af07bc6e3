"""Services are killed or terminated under load."""

import random
import time
from pathlib import Path

from tests.fault_injection.conftest import EVERY_SERVER, MakeService
from tests.fault_injection.report import Report
from tests.fault_injection.restartable import STOP_WITHIN_S, Service
from tests.support.database import Database, SQLiteDatabase
from tests.support.load import Load
from tests.support.proxy import Proxy

KILLS = 20
KILLS_ON_SQLITE = 5
KILLS_OF_THE_WORKER = 3
DELAY_S = 0.02  # so that many kills happen during a transaction
START_S = 4.0  # about the duration of a start


def kill_and_restart(
    service: Service, load: Load, kills: int, rng: random.Random, report: Report
) -> None:
    """Kill (-9) all processes at random moments; every fourth time also during the start."""
    for kill in range(1, kills + 1):
        with service.serve():
            load.await_answers(rng.randrange(1, 150))
        if kill % 4 == 0:
            kill_while_starting(service, rng.uniform(0, START_S))
        report.line(f"kill {kill} of {kills}, answered {len(load.answers)}")


def kill_while_starting(service: Service, moment_s: float) -> None:
    """Kill (-9) all processes ``moment_s`` seconds after the start."""
    server = service.serve()
    try:
        time.sleep(moment_s)  # the moment itself is the test case
    finally:
        server.kill()


@EVERY_SERVER
def test_no_answered_row_is_lost_or_doubled_over_20_kills_of_the_service(
    database: Database,
    proxy: Proxy,
    make_service: MakeService,
    rng: random.Random,
    report: Report,
) -> None:
    service = make_service(database.environment(proxy.port))
    proxy.delay(DELAY_S)

    with Load(service.url) as load:
        kill_and_restart(service, load, KILLS, rng, report)
        with service.serve():
            report.conclude(database, [service], [load], 500)


def test_no_answered_row_is_lost_or_doubled_over_5_kills_of_the_service_on_sqlite(
    make_service: MakeService, rng: random.Random, report: Report, tmp_path: Path
) -> None:
    database = SQLiteDatabase(tmp_path / "predictions.sqlite3")
    service = make_service(database.environment())

    with Load(service.url) as load:
        kill_and_restart(service, load, KILLS_ON_SQLITE, rng, report)
        with service.serve():
            report.conclude(database, [service], [load], 100)


@EVERY_SERVER
def test_no_answered_row_is_lost_or_doubled_over_kills_of_the_worker_only(
    database: Database, make_service: MakeService, rng: random.Random, report: Report
) -> None:
    service = make_service(database.environment())

    with service.serve() as server, Load(service.url) as load:
        for kill in range(KILLS_OF_THE_WORKER):
            load.await_answers(rng.randrange(100, 250))
            for worker in server.processes()[1:]:
                worker.kill()
            report.line(f"worker killed {kill + 1} times, answered {len(load.answers)}")
        load.await_answers(100)
        report.conclude(database, [service], [load], 300)


@EVERY_SERVER
def test_sigterm_under_load_writes_all_rows_and_ends_in_time(
    database: Database, make_service: MakeService, report: Report
) -> None:
    service = make_service(database.environment())

    with Load(service.url) as load:
        with service.serve() as server:
            load.await_answers(300)
            status = server.terminate(STOP_WITHIN_S)
        drained = load.tally(database.rows())
        with service.serve():
            load.await_answers(100)
            report.conclude(database, [service], [load], 400)

    assert (0, 0, 0) == (status, drained.lost, drained.doubled)


@EVERY_SERVER
def test_sigterm_while_the_database_is_down_keeps_all_rows_and_ends_in_time(
    database: Database, proxy: Proxy, make_service: MakeService, report: Report
) -> None:
    service = make_service(database.environment(proxy.port))

    with Load(service.url) as load:
        with service.serve() as server:
            load.await_answers(50)
            proxy.cut()
            load.await_answers(100)
            status = server.terminate(STOP_WITHIN_S)
        proxy.restore()
        with service.serve():
            load.await_answers(50)
            report.conclude(database, [service], [load], 200)

    assert 0 == status
