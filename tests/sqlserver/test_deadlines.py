"""Whatever a real SQL Server does not answer, and whenever: its drivers' waits end."""

from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

from tests.sql_server import SQLServerDatabase, skip_module_without_a_server
from tests.swallowed import HANGS_S, use_through_proxy

skip_module_without_a_server()

REQUESTS = 40
AT_ONCE = 8  # processes that mostly wait


def test_an_answer_that_never_comes_is_waited_for_no_longer_than_the_timeout(
    server: SQLServerDatabase,
) -> None:
    variables = server.environment() | {"DATABASE_TIMEOUT_S": "1"}
    use = partial(use_through_proxy, server.address, variables)

    with ProcessPoolExecutor(AT_ONCE, get_context("spawn")) as processes:
        uses = list(processes.map(use, range(REQUESTS)))

    assert [] == [n for n, (_, seconds) in enumerate(uses) if seconds > HANGS_S - 1]
    assert [] == [n for n, (swallowed, _) in enumerate(uses) if not swallowed]
