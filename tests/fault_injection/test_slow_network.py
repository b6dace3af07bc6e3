"""A full batch takes longer than the database's timeout on a slow network."""

from contextlib import closing
from functools import partial

from db.spool.spool import Spool
from tests.fault_injection.conftest import EVERY_SERVER, MakeService
from tests.fault_injection.report import Report
from tests.support.database import Database
from tests.support.load import Load
from tests.support.predictions import prediction
from tests.support.proxy import Proxy
from tests.support.server import eventually

TEN_MBIT_BYTES_PER_S = 1_250_000
TIMEOUT = {"DATABASE_TIMEOUT_S": "2"}
ROWS, EMOJI = 1000, "\U0001f600" * 5000  # 20 MB take 16 s
DRAINED_WITHIN_S = 180


def count(database: Database, text: str) -> int:
    """Count the rows of a text."""
    return sum(text == stored for _, stored in database.rows())


@EVERY_SERVER
def test_large_rows_and_later_ones_are_written_at_10_mbit_per_s(
    database: Database, proxy: Proxy, make_service: MakeService, report: Report
) -> None:
    service = make_service(database.environment(proxy.port), TIMEOUT)
    with closing(Spool(service.spool, ROWS, 100_000_000)) as spool:
        spool.append([prediction(EMOJI).to_json() for _ in range(ROWS)])
    proxy.limit(TEN_MBIT_BYTES_PER_S)

    with service.serve() as server, Load(service.url, requests_per_s=20) as load:
        eventually(partial(_is_drained, database), DRAINED_WITHIN_S)
        report.line(f"{ROWS} rows of {len(EMOJI)} emoji drained, answered {len(load.answers)}")
        load.await_answers(50)
        report.conclude(database, [service], [load], 50)

    assert ROWS == count(database, EMOJI)
    assert "predictions stay in the spool" in server.log  # a full batch timed out
    assert not load.refusals


def _is_drained(database: Database) -> bool:
    return count(database, EMOJI) >= ROWS
