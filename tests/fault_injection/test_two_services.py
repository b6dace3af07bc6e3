"""Two services at once are killed and restarted in turn."""

import random
from contextlib import ExitStack
from pathlib import Path

from tests.fault_injection.conftest import EVERY_SERVER, MakeService
from tests.fault_injection.report import Report
from tests.fault_injection.restartable import Service
from tests.support.database import Database
from tests.support.load import Load

TURNS = 4
REQUESTS_PER_S = 50  # to each


def kill_in_turn(
    database: Database,
    services: list[Service],
    rng: random.Random,
    report: Report,
) -> None:
    """Kill (-9) one service at a time under load; the other one still answers."""
    with ExitStack() as stack:
        started = [service.serve() for service in services]
        servers = [stack.enter_context(server) for server in started]
        loads = [
            stack.enter_context(Load(service.url, REQUESTS_PER_S, seed))
            for seed, service in enumerate(services)
        ]
        for turn in range(TURNS):
            killed = turn % len(services)
            for load in loads:
                load.await_answers(rng.randrange(10, 60))
            servers[killed].kill()
            loads[1 - killed].await_answers(20)
            servers[killed] = stack.enter_context(services[killed].serve())
            report.line(
                f"killed {turn + 1} times, answered {[len(load.answers) for load in loads]}"
            )
        report.conclude(database, services, loads, 200)


@EVERY_SERVER
def test_no_row_is_lost_or_doubled_by_two_services_with_one_database(
    database: Database, make_service: MakeService, rng: random.Random, report: Report
) -> None:
    services = [make_service(database.environment()) for _ in range(2)]

    kill_in_turn(database, services, rng, report)


@EVERY_SERVER
def test_no_row_is_lost_or_doubled_by_two_services_with_one_spool(
    database: Database,
    make_service: MakeService,
    rng: random.Random,
    report: Report,
    tmp_path: Path,
) -> None:
    spool = {"SPOOL_DIR": str(tmp_path / "shared-spool")}
    services = [make_service(database.environment(), spool) for _ in range(2)]

    kill_in_turn(database, services, rng, report)
