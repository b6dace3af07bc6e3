"""The spool is full."""

from pathlib import Path

from tests.fault_injection.conftest import EVERY_SERVER, MakeService
from tests.fault_injection.report import Report
from tests.support.database import Database
from tests.support.load import Load, Refused
from tests.support.proxy import Proxy
from tests.support.server import eventually

FULL_WITHIN_S = 90
BALLAST_BYTES = 5 << 19


def says_that_the_spool_is_full(refused: Refused) -> bool:
    """Return whether the response is 503 with Retry-After and the reason."""
    body = refused.body.lower()
    return (
        refused.status == 503
        and (refused.retry_after or "").isdigit()
        and "spool" in body
        and "full" in body
    )


@EVERY_SERVER
def test_a_full_disk_refuses_requests_and_loses_no_answered_row(
    database: Database,
    proxy: Proxy,
    small_home: Path,
    make_service: MakeService,
    report: Report,
) -> None:
    ballast = small_home / "ballast"
    ballast.write_bytes(bytes(BALLAST_BYTES))
    here = {"SPOOL_DIR": str(small_home / "spool"), "BENTOML_HOME": str(small_home)}
    service = make_service(database.environment(proxy.port), here)
    proxy.cut()

    with service.serve(), Load(service.url) as load:
        eventually(lambda: len(load.refusals) >= 20, FULL_WITHIN_S)
        ballast.unlink()
        proxy.restore()
        load.await_answers(200)
        report.conclude(database, [service], [load], 250)

    assert [] == [it for it in load.refusals if not says_that_the_spool_is_full(it)]


@EVERY_SERVER
def test_a_spool_at_its_limit_refuses_requests_until_the_database_is_back(
    database: Database, proxy: Proxy, make_service: MakeService, report: Report
) -> None:
    service = make_service(database.environment(proxy.port), {"SPOOL_MAX_ROWS": "300"})
    proxy.cut()

    with service.serve(), Load(service.url) as load:
        eventually(lambda: len(load.refusals) >= 20, FULL_WITHIN_S)
        proxy.restore()
        load.await_answers(500)
        report.conclude(database, [service], [load], 700)

    assert [] == [it for it in load.refusals if not says_that_the_spool_is_full(it)]
