"""Connections are cut during a commit.

The proxy reads the protocol, so the database is PostgreSQL without TLS.
"""

import pytest

from tests.fault_injection.conftest import MakeService
from tests.fault_injection.report import Report
from tests.support.database import Database
from tests.support.load import Load
from tests.support.proxy import Proxy, Trap
from tests.support.server import eventually

CUTS = 5
CUT_WITHIN_S = 20


def cut_in_commit(proxy: Proxy, trap: Trap) -> None:
    """Cut the next connection that commits rows, and wait until that happened."""
    before = proxy.seen.trapped_commits
    proxy.set_trap(trap)
    eventually(lambda: proxy.seen.trapped_commits > before, CUT_WITHIN_S)


@pytest.mark.parametrize("trap", list(Trap), ids=[trap.name.lower() for trap in Trap])
def test_no_row_is_lost_or_doubled_when_connections_are_cut_during_a_commit(
    database: Database,
    proxy: Proxy,
    make_service: MakeService,
    report: Report,
    trap: Trap,
) -> None:
    service = make_service(database.environment(proxy.port))

    with service.serve(), Load(service.url) as load:
        for cut in range(1, CUTS + 1):
            load.await_answers(30)
            cut_in_commit(proxy, trap)
            report.line(f"cut {cut} times {trap.name.lower()}, answered {len(load.answers)}")
        load.await_answers(50)
        report.conclude(database, [service], [load], 200)

    assert not load.refusals
