"""Connections cut in the middle of a commit.

These need a ``database`` whose bytes can be read on their way: PostgreSQL without TLS.
"""

import pytest

from tests.fault_injection.conftest import MakeService
from tests.fault_injection.report import Report
from tests.support.database import Database
from tests.support.load import Load
from tests.support.proxy import Proxy, Trap
from tests.support.server import eventually

CUTS = 5
SPRUNG_WITHIN_S = 20


def cut_in_commit(proxy: Proxy, trap: Trap) -> None:
    """Cut the next connection that commits rows; return once that is done."""
    before = proxy.seen.trapped_commits
    proxy.set_trap(trap)
    eventually(lambda: proxy.seen.trapped_commits > before, SPRUNG_WITHIN_S)


@pytest.mark.parametrize("trap", list(Trap), ids=[trap.name.lower() for trap in Trap])
def test_connections_cut_in_a_commit_lose_and_double_nothing(
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
