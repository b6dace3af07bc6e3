"""Whatever a real SQL Server does not answer, and whenever: its drivers' waits end."""

from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

from tests.sql_server import SQLServerDatabase, skip_module_without_a_server
from tests.swallowed import use_through_proxy

skip_module_without_a_server()

REQUESTS = 40
AT_ONCE = 8  # processes that mostly wait


def test_an_answer_that_never_comes_is_waited_for_no_longer_than_the_timeout(
    server: SQLServerDatabase,
) -> None:
    variables = server.environment() | {"DATABASE_TIMEOUT_S": "1"}
    try_use = partial(use_through_proxy, server.address, variables)

    with ProcessPoolExecutor(AT_ONCE, get_context("spawn")) as processes:
        uses = list(processes.map(try_use, range(REQUESTS)))

    assert [] == [use for use in uses if not use.has_ended or use.deadlines]
    assert all(use.swallowed_bytes for use in uses)
