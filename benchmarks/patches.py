"""What each patch of BentoML, uvicorn and Python gains, beside the stock part."""

import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks.database import sqlite_url
from benchmarks.hardware import Machine
from benchmarks.loadgen import LoadProfile, LoadResult, alternating, generator
from benchmarks.servers import Server, serve_bento
from benchmarks.settings import PatchesConfig, Settings
from benchmarks.stats import percentile, table
from benchmarks.texts import TextsError, read_texts
from inference.model_folder import ModelFolderError
from inference.starter import STARTER_FOLDER

ERRORS = (ModelFolderError, TextsError)

Load = Callable[[Server], tuple[LoadResult, float]]
"""Runs a load; returns its result, and the processor time in s that the server took."""

UNPATCHED_TARGET = "benchmarks.baselines.unpatched:SentimentService"
PARTS = (
    "the micro-batcher",
    "load shedding in the protocol",
    "the HTTP protocol",
    "the limit of metrics",
    "rare garbage collections",
    "no tracing",
    "no access log",
    "nothing",  # the control: its ratios are noise
)
REJECTING = PARTS[1:3]
"""Parts that also serve rejections; these are measured on a service that rejects every text."""

REJECTED_CONNECTIONS = 32


@dataclass(frozen=True, slots=True)
class Cost:
    """Medians over rounds: responses/s, p50 and p99 in ms, processor time in ms per response."""

    responses_per_s: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float

    @classmethod
    def of(cls, rounds: Sequence[tuple[LoadResult, float]]) -> "Cost":
        """Return the medians of results, each with the processor time in s that it took.

        Responses are 200s, and rejections if there is no 200.
        """
        measured = [result.latencies_ms or result.refused_ms for result, _ in rounds]
        counts = [result.answered or len(result.failures) for result, _ in rounds]
        durations_s = [result.duration_s for result, _ in rounds]
        cpu_s = [seconds for _, seconds in rounds]
        return cls(
            median(len(ms) / s for ms, s in zip(measured, durations_s, strict=True)),
            median(percentile(ms, 0.5) for ms in measured),
            median(percentile(ms, 0.99) for ms in measured),
            median(s * 1000 / count for s, count in zip(cpu_s, counts, strict=True)),
        )


@dataclass(frozen=True, slots=True)
class Gain:
    """What the service costs with a part and with the stock one, under a load."""

    part: str
    load: str
    patched: Cost
    stock: Cost

    def row(self) -> list[str]:
        """Return the cells of a table."""
        mine, stock = self.patched, self.stock
        return [
            self.part,
            self.load,
            f"{mine.responses_per_s / stock.responses_per_s:.2f}",
            f"{mine.p50_ms:.1f} / {stock.p50_ms:.1f}",
            f"{mine.p99_ms:.1f} / {stock.p99_ms:.1f}",
            f"{mine.cpu_ms:.3f} / {stock.cpu_ms:.3f}",
            f"{mine.cpu_ms / stock.cpu_ms:.2f}",
        ]


@dataclass(frozen=True, slots=True)
class Report:
    """The gains of all parts."""

    machine: Machine
    model: str
    gains: tuple[Gain, ...]

    def show(self) -> str:
        """Return a table."""
        heading = [
            "with / without",
            "load",
            "responses/s",
            "p50, ms",
            "p99, ms",
            "CPU, ms",
            "CPU ratio",
        ]
        rows = table([heading, *(gain.row() for gain in self.gains)])
        return f"\n{self.model} on {self.machine.show()}\n\n{rows}"


def run(settings: Settings) -> Report:
    """Measure every part at every load, beside the stock part. Raises ERRORS."""
    model = settings.model or STARTER_FOLDER  # a small model, which leaves time for other parts
    texts = read_texts(settings.texts)
    bodies = tuple(json.dumps({"text": text}).encode() for text in texts)
    config = settings.profile.patches
    gains: list[Gain] = []
    for part in PARTS:
        for is_full in (False, True) if part in REJECTING else (False,):
            with tempfile.TemporaryDirectory() as folder:
                servers = Servers(part, is_full, model, Path(folder))
                found = tuple(_measure(servers, bodies, config))
            print(table([gain.row() for gain in found]), flush=True)
            gains += found
    return Report(Machine.read(), model.name, tuple(gains))


@dataclass(frozen=True, slots=True)
class Servers:
    """A part that one of two servers lacks; if ``is_full``, both reject every text."""

    part: str
    is_full: bool
    model: Path
    folder: Path

    def start(self, stack: ExitStack) -> Mapping[str, Server]:
        """Start both until the stack is closed, suspended until a load resumes them."""
        return {
            "with": self._start(stack, "nothing", self.folder / "with"),
            "without": self._start(stack, self.part, self.folder / "without"),
        }

    def _start(self, stack: ExitStack, without: str, folder: Path) -> Server:
        database = folder.with_suffix(".database")
        database.mkdir()
        is_full = "1" if self.is_full else ""
        variables = {"WITHOUT_PATCH": without, "UNCHECKED": "1", "IS_FULL": is_full}
        os.environ.update(variables)
        try:
            bento = serve_bento(UNPATCHED_TARGET, self.model, sqlite_url(database), folder)
            server = stack.enter_context(bento)
        finally:
            for name in variables:
                del os.environ[name]
        server.suspend()
        return server


def _measure(servers: Servers, bodies: tuple[bytes, ...], config: PatchesConfig) -> Iterator[Gain]:
    with ExitStack() as stack:
        started, is_full = servers.start(stack), servers.is_full
        run_load = stack.enter_context(generator())
        for connections in (REJECTED_CONNECTIONS,) if is_full else config.connections:
            name = f"{connections} rejected" if is_full else f"{connections} connections"
            load = partial(_load, run_load, bodies, config, connections)
            yield _compare(servers.part, name, started, load, config.rounds)


def _compare(
    part: str, name: str, servers: Mapping[str, Server], load: Load, number_of_rounds: int
) -> Gain:
    rounds: dict[str, list[tuple[LoadResult, float]]] = {name: [] for name in servers}
    for names in alternating(list(servers), number_of_rounds):
        for each in names:
            rounds[each].append(load(servers[each]))
    return Gain(part, name, Cost.of(rounds["with"]), Cost.of(rounds["without"]))


def _load(
    run_load: Callable[[LoadProfile], LoadResult],
    bodies: tuple[bytes, ...],
    config: PatchesConfig,
    connections: int,
    server: Server,
) -> tuple[LoadResult, float]:
    url = f"{server.url}/predict"
    with server.resumed():
        before_s = server.cpu_s()
        result = run_load(
            LoadProfile(url, bodies, connections, config.warm_up_s, config.duration_s)
        )
        return result, server.cpu_s() - before_s
