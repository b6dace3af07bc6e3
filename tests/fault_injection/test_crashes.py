"""The database crashes."""

import random

from tests.fault_injection.conftest import MakeService
from tests.fault_injection.report import Report
from tests.support.database import KillableDatabase
from tests.support.load import Load

CRASHES = 4


def test_the_service_answers_and_loses_no_row_while_the_database_crashes(
    database: KillableDatabase,
    make_service: MakeService,
    rng: random.Random,
    report: Report,
) -> None:
    service = make_service(database.environment())

    with service.serve(), Load(service.url) as load:
        for crash in range(1, CRASHES + 1):
            load.await_answers(rng.randrange(20, 120))
            database.kill()
            load.await_answers(rng.randrange(20, 120))
            database.start()
            report.line(f"crashed {crash} times, answered {len(load.answers)}")
        load.await_answers(50)
        report.conclude(database, [service], [load], 250)

    assert not load.refusals


def test_a_service_started_before_its_database_writes_the_rows_later(
    database: KillableDatabase, make_service: MakeService, report: Report
) -> None:
    service = make_service(database.environment())
    database.kill()

    with service.serve(), Load(service.url) as load:
        load.await_answers(100)
        database.start()
        load.await_answers(50)
        report.conclude(database, [service], [load], 150)

    assert not load.refusals
