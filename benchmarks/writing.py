"""What the parts of recording do per second: the spool alone, and the writer alone."""

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
APPEND_ROWS = 16  # a batch as the service gets it under load
FILL_ROWS = 1000
NO_LIMIT = 1 << 40
DEADLINE_S = 120


class WritingError(Exception):
    """The writer did not write all rows."""

    def __init__(self, expected: int, written: int) -> None:
        super().__init__(
            f"{written} of {expected} rows were written within {DEADLINE_S} s; see the log above"
        )


@dataclass(frozen=True, slots=True)
class Amount:
    """How many rows are written, and how often so many."""

    rows: int
    runs: int


@dataclass(frozen=True, slots=True)
class Appending:
    """What it costs to spool predictions, each ``batch_rows`` of them in a transaction."""

    batch_rows: int
    rows_per_s: float
    batch_p50_ms: float
    batch_p99_ms: float
    request_ms: float

    def show(self) -> str:
        """Return one line."""
        return (
            f"{self.rows_per_s:,.0f} rows/s in batches of {self.batch_rows}: "
            f"p50 {self.batch_p50_ms:.2f} ms, p99 {self.batch_p99_ms:.2f} ms a batch; "
            f"{self.request_ms:.3f} ms a request"
        )


def measure_appending(texts: Sequence[str], batches: int, folder: Path) -> Appending:
    """Spool batches of predictions, as the service does before it answers."""
    made = predictions(texts)
    took_s = []
    spool = Spool(folder / "spool", NO_LIMIT, NO_LIMIT)
    try:
        for _ in range(batches):
            batch = list(islice(made, APPEND_ROWS))
            start_s = perf_counter()
            spool.append([prediction.to_json() for prediction in batch])
            took_s.append(perf_counter() - start_s)
    finally:
        spool.close()
    return Appending(
        batch_rows=APPEND_ROWS,
        rows_per_s=batches * APPEND_ROWS / sum(took_s),
        batch_p50_ms=percentile(took_s, 0.50) * 1000,
        batch_p99_ms=percentile(took_s, 0.99) * 1000,
        request_ms=statistics.mean(took_s) / APPEND_ROWS * 1000,
    )


def measure_writer(url: str, texts: Sequence[str], amount: Amount, folder: Path) -> Spread:
    """Return how many rows per second the writer moves from a spool into a database.

    A first run, which creates the tables, is not counted. Raises WritingError.
    """
    made = predictions(texts)
    _run(url, list(islice(made, FILL_ROWS)), folder)
    took_s = [_run(url, list(islice(made, amount.rows)), folder) for _ in range(amount.runs)]
    return Spread.of([amount.rows / each_s for each_s in took_s])


def predictions(texts: Sequence[str]) -> Iterator[Prediction]:
    """Make predictions of these texts as the service records them, without end."""
    choice = random.Random(SEED)
    while True:
        yield Prediction(
            id=new_id(),
            timestamp=utc_now(),
            text=choice.choice(texts),
            latency_ms=round(choice.uniform(10, 500), 3),
            label=choice.choice(("negative", "neutral", "positive")),
            confidence=round(choice.uniform(1 / 3, 1), 6),
            model_tag="sentiment:benchmark",
            batch_size=APPEND_ROWS,
        )


def _run(url: str, rows: Sequence[Prediction], folder: Path) -> float:
    """Return how many seconds the writer takes for these rows."""
    before = count_rows(url)
    engine = engine_of(url)
    with TemporaryDirectory(dir=folder) as spool_folder:
        spool = Spool(Path(spool_folder), NO_LIMIT, NO_LIMIT)
        bodies = iter([row.to_json() for row in rows])
        while batch := list(islice(bodies, FILL_ROWS)):
            spool.append(batch)
        thread = WriterThread(Writer(engine, spool, prediction_log_metrics(), DEADLINE_S), spool)
        start_s = perf_counter()
        thread.start()
        thread.stop(DEADLINE_S)  # returns once all is written
        took_s = perf_counter() - start_s
        spool.close()
        engine.dispose()
    written = count_rows(url) - before
    if written < len(rows):
        raise WritingError(len(rows), written)
    return took_s
