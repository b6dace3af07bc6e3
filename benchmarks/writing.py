"""Throughput of the parts of recording: the spool alone, and the writer alone."""

import random
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from benchmarks.database import count_rows, engine_of
from benchmarks.stats import Spread, percentile
from db.prediction import Prediction, new_id, utc_now
from db.spool.spool import Spool
from db.writing.metrics import prediction_log_metrics
from db.writing.writer import Writer
from db.writing.writer_thread import WriterThread

SEED = 0
BATCH_ROWS = 16  # as under load
FILL_ROWS = 1000
NO_LIMIT = 1 << 40
TIMEOUT_S = 120


class WriterError(Exception):
    """The writer did not write all rows."""

    def __init__(self, expected: int, written: int) -> None:
        super().__init__(
            f"{written} of {expected} rows were written within {TIMEOUT_S} s; see the log above"
        )


@dataclass(frozen=True, slots=True)
class SpoolResult:
    """Throughput and latency of the spool, with a transaction for each ``batch_rows`` rows.

    ``request_ms`` is the mean time per row.
    """

    batch_rows: int
    rows_per_s: float
    batch_p50_ms: float
    batch_p99_ms: float
    request_ms: float

    def show(self) -> str:
        """Return a line of text."""
        return (
            f"{self.rows_per_s:,.0f} rows/s in batches of {self.batch_rows}: "
            f"p50 {self.batch_p50_ms:.2f} ms, p99 {self.batch_p99_ms:.2f} ms per batch; "
            f"{self.request_ms:.3f} ms per request"
        )


def measure_spool(texts: Sequence[str], batches: int, folder: Path) -> SpoolResult:
    """Append batches of predictions to a spool, as the service does before it answers."""
    made = predictions(texts)
    took_s = []
    spool = Spool(folder / "spool", NO_LIMIT, NO_LIMIT)
    try:
        for _ in range(batches):
            batch = list(islice(made, BATCH_ROWS))
            start_s = perf_counter()
            spool.append([prediction.to_json() for prediction in batch])
            took_s.append(perf_counter() - start_s)
    finally:
        spool.close()
    return SpoolResult(
        batch_rows=BATCH_ROWS,
        rows_per_s=batches * BATCH_ROWS / sum(took_s),
        batch_p50_ms=percentile(took_s, 0.50) * 1000,
        batch_p99_ms=percentile(took_s, 0.99) * 1000,
        request_ms=statistics.mean(took_s) / BATCH_ROWS * 1000,
    )


def measure_writer(url: str, texts: Sequence[str], rows: int, runs: int, folder: Path) -> Spread:
    """Return the rows per second that the writer moves from a spool into a database.

    A first run, which creates the tables, is not measured. Raises WriterError.
    """
    made = predictions(texts)
    _write(url, list(islice(made, FILL_ROWS)), folder)
    took_s = [_write(url, list(islice(made, rows)), folder) for _ in range(runs)]
    return Spread.of([rows / each_s for each_s in took_s])


def predictions(texts: Sequence[str]) -> Iterator[Prediction]:
    """Yield predictions of these texts, like those of the service, without end."""
    rng = random.Random(SEED)
    while True:
        yield Prediction(
            id=new_id(),
            timestamp=utc_now(),
            text=rng.choice(texts),
            latency_ms=round(rng.uniform(10, 500), 3),
            label=rng.choice(("negative", "neutral", "positive")),
            confidence=round(rng.uniform(1 / 3, 1), 6),
            model_tag="sentiment:benchmark",
            batch_size=BATCH_ROWS,
        )


def _write(url: str, rows: Sequence[Prediction], folder: Path) -> float:
    """Spool rows, then have the writer move them; return the writer's seconds."""
    before = count_rows(url)
    engine = engine_of(url)
    with TemporaryDirectory(dir=folder) as spool_folder:
        spool = Spool(Path(spool_folder), NO_LIMIT, NO_LIMIT)
        bodies = iter([row.to_json() for row in rows])
        while batch := list(islice(bodies, FILL_ROWS)):
            spool.append(batch)
        writer = Writer(engine, spool, prediction_log_metrics(), TIMEOUT_S)
        thread = WriterThread(writer, spool)
        start_s = perf_counter()
        thread.start()
        thread.stop(TIMEOUT_S)  # returns once all is written
        took_s = perf_counter() - start_s
        spool.close()
        engine.dispose()
    written = count_rows(url) - before
    if written < len(rows):
        raise WriterError(len(rows), written)
    return took_s
