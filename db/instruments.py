"""What Prometheus is told of the prediction log, over all workers of a service."""

import os
import time
from functools import cache
from pathlib import Path
from typing import Any

from db.spool_file import Depth


class Instruments:
    """The log's part of `/metrics`."""

    def __init__(self) -> None:
        """Register the instruments, once in a process.

        BentoML tells prometheus_client by the environment that there are several processes, and
        later than this file is imported: hence the import in here.
        """
        import prometheus_client as prometheus  # pylint: disable=import-outside-toplevel

        _forget_dead_processes()
        self._waiting = prometheus.Gauge(
            "sentiment_spool_rows",
            "Rows that wait for the database.",
            multiprocess_mode="livesum",
        )
        self._oldest = prometheus.Gauge(
            "sentiment_spool_oldest_age_seconds",
            "How long the oldest of them has waited.",
            multiprocess_mode="livemax",
        )
        self._quarantined = prometheus.Gauge(
            "sentiment_quarantine_rows",
            "Rows that the database refuses, kept for `python -m db quarantine`.",
            multiprocess_mode="livesum",
        )
        self.written = prometheus.Counter(
            "sentiment_rows_written", "Rows committed to the database."
        )
        self.retried = prometheus.Counter(
            "sentiment_rows_retried", "Rows to be written again after a failure."
        )
        self.quarantined = prometheus.Counter(
            "sentiment_rows_quarantined", "Rows that were put into quarantine."
        )
        self.flush = prometheus.Histogram(
            "sentiment_flush_seconds", "Duration of a transaction that writes rows."
        )

    def show(self, depth: Depth) -> None:
        """Tell how much is spooled now."""
        self._waiting.set(depth.waiting)
        self._quarantined.set(depth.quarantined)
        self._oldest.set(0 if depth.oldest_s is None else max(0, time.time() - depth.oldest_s))


@cache
def instruments() -> Instruments:
    """Return the instruments of this process."""
    return Instruments()


def _forget_dead_processes() -> None:
    """Remove the gauges of killed workers, which would be summed up for ever."""
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    if folder is None:
        return
    from prometheus_client import multiprocess  # pylint: disable=import-outside-toplevel

    mark_process_dead: Any = multiprocess.mark_process_dead
    for path in Path(folder).glob("gauge_live*_*.db"):
        pid = int(path.stem.rpartition("_")[2])
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            mark_process_dead(pid)
        except PermissionError:
            pass  # somebody else's, so alive
