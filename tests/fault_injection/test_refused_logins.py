"""The database refuses the service's login for a while."""

import signal
from collections.abc import Callable

import psycopg
import pytest

from tests.fault_injection.conftest import MakeService
from tests.fault_injection.report import Report
from tests.fault_injection.restartable import Service
from tests.support.load import Load
from tests.support.postgres import DATABASE, PostgreSQL
from tests.support.server import REPOSITORY, Server, eventually, run_python

WORKERS = 2
REFUSED = 'password authentication failed for user "service"'
URL = f"postgresql+psycopg://service:second@{{}}:{{}}/{DATABASE}"
SEVERAL = {"BENTOML_CONFIG_OPTIONS": f"services.sentiment_service.workers={WORKERS}"}
NOTICED_WITHIN_S = 30  # a restart of workers loads the model


def _run_retry(_: Server, service: Service) -> None:
    here = {"SPOOL_DIR": str(service.spool), "ENV_FILE": "", "PYTHONPATH": str(REPOSITORY)}
    assert "logs in again" in run_python(["-m", "db", "retry"], here)


def _send_sighup(server: Server, _: Service) -> None:
    server.process.send_signal(signal.SIGHUP)


def _send_sighup_to_a_worker(server: Server, _: Service) -> None:
    workers = [each for each in server.processes() if "_bentoml_impl" in " ".join(each.cmdline())]
    workers[0].send_signal(signal.SIGHUP)


@pytest.mark.parametrize("send_retry", [_run_retry, _send_sighup, _send_sighup_to_a_worker])
def test_a_refused_login_is_retried_rarely_until_the_service_is_notified(
    database: PostgreSQL,
    make_service: MakeService,
    report: Report,
    send_retry: Callable[[Server, Service], None],
) -> None:
    database.require_password("service")
    with psycopg.connect(database.url, autocommit=True) as owner:
        owner.execute("CREATE ROLE service SUPERUSER LOGIN PASSWORD 'first'")
    service = make_service({"DATABASE_URL": URL.format(*database.address)}, SEVERAL)

    with service.serve() as server, Load(service.url) as load:
        load.await_answers(1000)  # 10 s
        refused = database.log.count(REFUSED)
        report.line(f"{refused} attempts of {WORKERS} workers in the time of 1000 answers")
        assert 1 <= refused <= WORKERS
        assert not database.rows()

        with psycopg.connect(database.url, autocommit=True) as owner:
            owner.execute("ALTER ROLE service PASSWORD 'second'")
        send_retry(server, service)
        eventually(lambda: len(database.rows()) > 1000, NOTICED_WITHIN_S)
        load.await_answers(200)
        assert refused == database.log.count(REFUSED)
        report.conclude(database, [service], [load], 1200)
