"""The benchmark of recording: the service with and without it, the spool and the writer alone."""

import json
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError

from benchmarks.database import claim, count_rows, sqlite_url
from benchmarks.hardware import Machine
from benchmarks.loadgen import LoadProfile, LoadResult, alternating, run_load
from benchmarks.model import random_model
from benchmarks.postgres import PostgreSQL, installed_programs
from benchmarks.servers import SERVICE_TARGET, UNRECORDED_TARGET, Server, serve_bento
from benchmarks.settings import Settings
from benchmarks.stats import Spread, Target, percentile, show_targets, table
from benchmarks.texts import TextsError, read_texts
from benchmarks.writing import SpoolResult, WriterError, measure_spool, measure_writer
from db.settings import SettingsError
from inference.model_folder import ModelFolder, ModelFolderError


class RecordingError(Exception):
    """Requests failed, or answers were not recorded."""


ERRORS = (
    ModelFolderError,
    RecordingError,
    SettingsError,
    SQLAlchemyError,
    TextsError,
    WriterError,
    subprocess.CalledProcessError,
)

ON, OFF = "on", "off"
MIN_THROUGHPUT_RATIO = 0.95
MAX_P99_RATIO = 1.05
MIN_ROWS_PER_S = {"sqlite": 10_000, "postgresql": 5_000, "mssql": 10_000}


@dataclass(frozen=True, slots=True)
class Performance:
    """Throughput and latency over the rounds."""

    requests_per_s: Spread
    p50_ms: Spread
    p99_ms: Spread

    @classmethod
    def of(cls, results: Sequence[LoadResult]) -> "Performance":
        """Return the performance in all rounds."""
        return cls(
            Spread.of([result.requests_per_s for result in results]),
            Spread.of([result.latency_ms(0.50) for result in results]),
            Spread.of([result.latency_ms(0.99) for result in results]),
        )

    @classmethod
    def ratios(cls, on: Sequence[LoadResult], off: Sequence[LoadResult]) -> "Performance":
        """Return the ratios on / off by round."""
        pairs = list(zip(on, off, strict=True))
        return cls(
            Spread.of([one.requests_per_s / two.requests_per_s for one, two in pairs]),
            Spread.of([one.latency_ms(0.50) / two.latency_ms(0.50) for one, two in pairs]),
            Spread.of([one.latency_ms(0.99) / two.latency_ms(0.99) for one, two in pairs]),
        )

    def cells(self, decimals: int) -> list[str]:
        """Return the cells of a row."""
        spreads = (self.requests_per_s, self.p50_ms, self.p99_ms)
        return [spread.show(decimals) for spread in spreads]


@dataclass(frozen=True, slots=True)
class Comparison:
    """The service with recording (on) and without (off), and the ratios on / off by round.

    The overall ratios are over all rounds together: answers come in batches, and a round has too
    few for a stable p99.
    """

    on: Performance
    off: Performance
    ratios: Performance
    overall_throughput: float
    overall_p99: float

    @classmethod
    def of(cls, on: Sequence[LoadResult], off: Sequence[LoadResult]) -> "Comparison":
        """Compare the results of rounds."""
        throughput = [sum(each.requests_per_s for each in results) for results in (on, off)]
        p99_ms = [
            percentile([ms for each in results for ms in each.latencies_ms], 0.99)
            for results in (on, off)
        ]
        return cls(
            Performance.of(on),
            Performance.of(off),
            Performance.ratios(on, off),
            throughput[0] / throughput[1],
            p99_ms[0] / p99_ms[1],
        )

    def show(self) -> str:
        """Return a table."""
        overall = (f"{self.overall_throughput:.3f}", "", f"{self.overall_p99:.3f}")
        return table(
            [
                ["recording", "requests/s", "p50 ms", "p99 ms"],
                ["off", *self.off.cells(1)],
                ["on", *self.on.cells(1)],
                ["on / off", *self.ratios.cells(3)],
                ["on / off, all rounds together", *overall],
            ]
        )


@dataclass(frozen=True, slots=True)
class Report:
    """Results of a run; ``writer_rows_per_s`` is by kind of database."""

    machine: Machine
    model: str
    database: str
    connections: int
    comparison: Comparison
    spool: SpoolResult
    writer_rows_per_s: dict[str, Spread]

    def targets(self) -> list[Target]:
        """Return all targets."""
        comparison = self.comparison
        return [
            Target(
                "throughput, on / off", comparison.overall_throughput, least=MIN_THROUGHPUT_RATIO
            ),
            Target("p99, on / off", comparison.overall_p99, most=MAX_P99_RATIO),
            *(
                Target(f"writer into {name}, rows/s", spread.median, least=MIN_ROWS_PER_S[name])
                for name, spread in self.writer_rows_per_s.items()
                if name in MIN_ROWS_PER_S
            ),
        ]

    def show(self) -> str:
        """Return tables of medians, lowest and highest values of the rounds."""
        writers = [[name, spread.show(0)] for name, spread in self.writer_rows_per_s.items()]
        parts = (
            f"\n{self.model}, {self.connections} connections, recording into {self.database}, "
            f"on {self.machine.show()}: median (lowest .. highest)",
            self.comparison.show(),
            f"spool alone: {self.spool.show()}",
            table([["writer alone", "rows/s"], *writers]),
            show_targets(self.targets()),
        )
        return "\n\n".join(parts)


def run(settings: Settings) -> Report:
    """Measure all parts; rows stay in a database that the settings name. Raises ERRORS."""
    texts = read_texts(settings.texts)
    model = settings.model or random_model()
    ModelFolder.read(model)
    with tempfile.TemporaryDirectory(dir=settings.output) as scratch:
        folder = Path(scratch)
        url = settings.database_url or sqlite_url(folder)
        claim(url)  # first, to fail now rather than in a minute
        spool = measure_spool(texts, settings.profile.recording.spool_batches, folder)
        print(f"spool alone: {spool.show()}", flush=True)
        writers = _measure_writers(texts, settings, folder)
        comparison = _compare(settings, texts, model, url, folder)
    return Report(
        machine=Machine.read(),
        model=model.name,
        database=make_url(url).get_backend_name(),
        connections=settings.connections,
        comparison=comparison,
        spool=spool,
        writer_rows_per_s=writers,
    )


def _measure_writers(texts: Sequence[str], settings: Settings, folder: Path) -> dict[str, Spread]:
    """Measure the writer into SQLite, PostgreSQL if it is installed, and the settings' database."""
    config = settings.profile.recording
    measured = {}
    with ExitStack() as stack:
        urls = {"sqlite": sqlite_url(folder / "writer")}
        if (programs := installed_programs()) is not None:
            urls["postgresql"] = stack.enter_context(PostgreSQL(programs)).sqlalchemy_url
        if settings.database_url is not None:
            urls[make_url(settings.database_url).get_backend_name()] = settings.database_url
        for name, url in urls.items():
            measured[name] = measure_writer(
                url, texts, config.writer_rows, config.writer_runs, folder
            )
            print(f"writer alone into {name}: {measured[name].show(0)} rows/s", flush=True)
    return measured


def _compare(
    settings: Settings, texts: Sequence[str], model: Path, url: str, folder: Path
) -> Comparison:
    """Measure the service with and without recording in turn; the idle one is suspended.

    Raises RecordingError if requests failed or answers were not recorded.
    """
    rows_before = count_rows(url)
    bodies = tuple(json.dumps({"text": text}).encode() for text in texts)
    with (
        serve_bento(SERVICE_TARGET, model, url, folder / ON) as on,
        serve_bento(UNRECORDED_TARGET, model, url, folder / OFF) as off,
    ):
        on.suspend()
        off.suspend()
        results = _measure_in_turn({ON: on, OFF: off}, bodies, settings)
    check_answers(results, count_rows(url) - rows_before)
    (_, *measured_on), (_, *measured_off) = results[ON], results[OFF]  # without the warm-up
    return Comparison.of(measured_on, measured_off)


def _measure_in_turn(
    servers: dict[str, Server], bodies: tuple[bytes, ...], settings: Settings
) -> dict[str, list[LoadResult]]:
    """Return the results of a warm-up and of all rounds."""
    config = settings.profile.recording
    results: dict[str, list[LoadResult]] = {name: [] for name in servers}
    for number, names in enumerate(alternating(list(servers), 1 + config.rounds)):
        for name in names:
            load = LoadProfile(
                f"{servers[name].url}/predict",
                bodies,
                settings.connections,
                config.warm_up_s,
                config.duration_s,
            )
            with servers[name].resumed():
                result = run_load(load)
            results[name].append(result)
            print(
                f"round {number}/{config.rounds}  recording {name:3}"
                f"  {result.requests_per_s:8.1f} requests/s  p50 {result.latency_ms(0.5):6.1f} ms"
                f"  p99 {result.latency_ms(0.99):6.1f} ms"
                f"  generator {result.generator_cores:.2f} cores",
                flush=True,
            )
    return results


def check_answers(results: dict[str, list[LoadResult]], recorded: int) -> None:
    """Raise RecordingError if a request failed or an answer was not recorded."""
    failures = [failure for each in (*results[ON], *results[OFF]) for failure in each.failures]
    if failures:
        raise RecordingError(f"{len(failures)} request(s) failed, the first with {failures[0]!r}")
    answered = sum(result.answered for result in results[ON])
    if recorded < answered:
        raise RecordingError(f"{answered} predictions were answered, but only {recorded} recorded")
