"""Print progress, and check the result of a fault-injection test."""

import contextlib
from collections.abc import Sequence

from tests.fault_injection.restartable import Service
from tests.support.database import Database, SQLiteDatabase
from tests.support.load import Load
from tests.support.server import eventually

ARRIVE_WITHIN_S = 30  # all rows, after the last fault


class Report:
    """Lines of progress and counts, which `pytest -rP` shows after the tests."""

    def line(self, text: str) -> None:
        """Print a line."""
        print(text)

    def conclude(
        self,
        database: Database | SQLiteDatabase,
        services: Sequence[Service],
        loads: Sequence[Load],
        at_least: int,
    ) -> None:
        """Stop loads and services, print the counts, and fail if a row is lost or doubled.

        Also fails if a load got fewer than ``at_least`` answers.
        """
        for load in loads:
            load.stop()
        with contextlib.suppress(AssertionError):  # the counts below say more
            eventually(lambda: not _lost(database, loads), ARRIVE_WITHIN_S)
        statuses = [service.stop() for service in services]
        rows = database.rows()
        tallies = [load.tally(rows) for load in loads]

        for load, tally in zip(loads, tallies, strict=True):
            self.line(f"{tally} (refused {len(load.refusals)}, aborted {load.broken})")
        for load, tally in zip(loads, tallies, strict=True):
            assert (0, 0, 0) == (tally.lost, tally.doubled, tally.misnamed), repr(tally)
            assert tally.answered >= at_least, f"too few answers: {tally}"
            assert not load.unexpected(), load.unexpected()[:3]
        assert [0 for _ in services] == statuses, f"exit statuses {statuses}"
        spools = {service.spool for service in services}
        left = [path.name for spool in spools for path in spool.iterdir()]
        assert not left, f"the spool still has {left} although all rows are delivered"


def _lost(database: Database | SQLiteDatabase, loads: Sequence[Load]) -> int:
    rows = database.rows()
    return sum(load.tally(rows).lost for load in loads)
