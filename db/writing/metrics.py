"""Prometheus metrics of the prediction log, over all workers of a service."""

import os
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from db.spool.file import QueueDepth
from db.spool.preallocation import preallocate

FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # set by BentoML; the workers share their metrics there
KINDS = ("counter", "histogram", "gauge_all", "gauge_livemax", "gauge_livesum")
PREALLOCATED_BYTES = 1 << 18  # for each kind: a few thousand series


class PredictionLogMetrics:
    """The prediction log's part of `/metrics`. Create it once per process."""

    def __init__(self) -> None:
        # BentoML sets PROMETHEUS_MULTIPROC_DIR, which prometheus_client reads when it is imported,
        # only after this module is imported
        import prometheus_client as prometheus  # pylint: disable=import-outside-toplevel

        if folder := os.environ.get(FOLDER):
            _preallocate_files(Path(folder))
            _remove_dead_processes(Path(folder))
        self._pending = prometheus.Gauge(
            "sentiment_spool_rows",
            "Rows in the spool that wait for the database.",
            multiprocess_mode="livesum",
        )
        self._oldest = prometheus.Gauge(
            "sentiment_spool_oldest_age_seconds",
            "Age of the oldest row in the spool.",
            multiprocess_mode="livemax",
        )
        self._used = prometheus.Gauge(
            "sentiment_spool_used_ratio",
            "Used share of the spool's limit, in rows or bytes; at 1 predictions are refused.",
            multiprocess_mode="livemax",
        )
        self._attempted = prometheus.Gauge(
            "sentiment_writer_last_attempt_timestamp_seconds",
            "Unix time of the writer's last attempt, when the gauges of the spool were set.",
            multiprocess_mode="livemax",
        )
        self._attempted.set(time.time())
        self._dead_letters = prometheus.Gauge(
            "sentiment_quarantine_rows",
            "Dead letters: rows that the database refuses. See `python -m db dead-letters`.",
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

    def update(self, depth: QueueDepth, used_ratio: float) -> None:
        """Set the gauges."""
        self._used.set(used_ratio)
        self._attempted.set(time.time())
        self._pending.set(depth.pending)
        self._dead_letters.set(depth.dead_letters)
        self._oldest.set(depth.oldest_age_s)


@cache
def prediction_log_metrics() -> PredictionLogMetrics:
    """Return the metrics of this process, which can be registered only once."""
    return PredictionLogMetrics()


def _preallocate_files(folder: Path) -> None:
    """Preallocate this process's files, which prometheus_client maps into memory.

    It makes them sparse: on a full disk, a new series would end the process with SIGBUS.
    """
    for kind in KINDS:
        with suppress(OSError):
            preallocate(folder / f"{kind}_{os.getpid()}.db", PREALLOCATED_BYTES)


def _remove_dead_processes(folder: Path) -> None:
    """Remove the gauges of killed workers, which would be summed up forever."""
    from prometheus_client import multiprocess  # pylint: disable=import-outside-toplevel

    mark_process_dead: Any = multiprocess.mark_process_dead
    for path in folder.glob("gauge_live*_*.db"):
        pid = int(path.stem.rpartition("_")[2])
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            mark_process_dead(pid)
        except PermissionError:
            pass  # alive, of another user
