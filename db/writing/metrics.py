"""What Prometheus is told of the prediction log, over all workers of a service."""

import os
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from db.spool.file import QueueDepth
from db.spool.preallocation import preallocate

FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # set by BentoML; the processes share their figures there
KINDS = ("counter", "histogram", "gauge_all", "gauge_livemax", "gauge_livesum")
ROOM_BYTES = 1 << 18  # for each kind, some thousand series


class PredictionLogMetrics:
    """The log's part of `/metrics`."""

    def __init__(self) -> None:
        """Register the instruments, once in a process.

        BentoML tells prometheus_client by the environment that there are several processes, and
        later than this file is imported: hence the import in here.
        """
        import prometheus_client as prometheus  # pylint: disable=import-outside-toplevel

        if folder := os.environ.get(FOLDER):
            _hold_room(Path(folder))
            _forget_dead_processes(Path(folder))
        self._pending = prometheus.Gauge(
            "sentiment_spool_rows",
            "Rows that wait for the database.",
            multiprocess_mode="livesum",
        )
        self._oldest = prometheus.Gauge(
            "sentiment_spool_oldest_age_seconds",
            "How long the oldest of them has waited.",
            multiprocess_mode="livemax",
        )
        self._used = prometheus.Gauge(
            "sentiment_spool_used_ratio",
            "Used share of the spool's bound, in rows or bytes; at 1 predictions are refused.",
            multiprocess_mode="livemax",
        )
        self._attempted = prometheus.Gauge(
            "sentiment_writer_last_attempt_timestamp_seconds",
            "When the writer last looked for rows, in seconds since 1970; the gauges are as old.",
            multiprocess_mode="livemax",
        )
        self._attempted.set(time.time())
        self._dead_letters = prometheus.Gauge(
            "sentiment_quarantine_rows",
            "Rows that the database refuses, kept for `python -m db dead-letters`.",
            multiprocess_mode="livesum",
        )
        self.written = prometheus.Counter(
            "sentiment_rows_written", "Rows committed to the database."
        )
        self.retried = prometheus.Counter(
            "sentiment_rows_retried", "Rows to be written again after a failure."
        )
        self.dead_lettered = prometheus.Counter(
            "sentiment_rows_quarantined", "Rows that became dead letters."
        )
        self.flush = prometheus.Histogram(
            "sentiment_flush_seconds", "Duration of a transaction that writes rows."
        )

    def show(self, depth: QueueDepth, used: float) -> None:
        """Set the gauges: how much is spooled now, and which share of the bound that is."""
        self._used.set(used)
        self._attempted.set(time.time())
        self._pending.set(depth.pending)
        self._dead_letters.set(depth.dead_letters)
        self._oldest.set(depth.oldest_age_s)


@cache
def prediction_log_metrics() -> PredictionLogMetrics:
    """Return the instruments of this process, which can be registered but once."""
    return PredictionLogMetrics()


def _hold_room(folder: Path) -> None:
    """Have blocks of the disk behind this process's files, which are mapped into memory.

    prometheus_client makes them sparse: on a full disk, the first new series would end the
    process with SIGBUS.
    """
    for kind in KINDS:
        with suppress(OSError):
            preallocate(folder / f"{kind}_{os.getpid()}.db", ROOM_BYTES)


def _forget_dead_processes(folder: Path) -> None:
    """Remove the gauges of killed workers, which would be summed up for ever."""
    from prometheus_client import multiprocess  # pylint: disable=import-outside-toplevel

    mark_process_dead: Any = multiprocess.mark_process_dead
    for path in folder.glob("gauge_live*_*.db"):
        pid = int(path.stem.rpartition("_")[2])
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            mark_process_dead(pid)
        except PermissionError:
            pass  # somebody else's, so alive
