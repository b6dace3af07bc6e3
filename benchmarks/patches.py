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
from benchmarks.overload import OVERLOAD_FACTOR
from benchmarks.servers import SERVICE_TARGET, Server, serve_bento
from benchmarks.settings import PatchesConfig, Settings
from benchmarks.stats import table
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
)


@dataclass(frozen=True, slots=True)
class Cost:
    """Medians over rounds: requests/s, p50 and p99 in ms, processor time in ms per 200."""

    requests_per_s: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float

    @classmethod
    def of(cls, rounds: Sequence[tuple[LoadResult, float]]) -> "Cost":
        """Return the medians of results, each with the processor time in s that it took."""
        return cls(
            median(result.requests_per_s for result, _ in rounds),
            median(result.latency_ms(0.5) for result, _ in rounds),
            median(result.latency_ms(0.99) for result, _ in rounds),
            median(cpu_s * 1000 / max(1, result.answered) for result, cpu_s in rounds),
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
            f"{mine.requests_per_s / stock.requests_per_s:.2f}",
            f"{mine.p50_ms:.1f} / {stock.p50_ms:.1f}",
            f"{mine.p99_ms:.1f} / {stock.p99_ms:.1f}",
            f"{mine.cpu_ms:.2f} / {stock.cpu_ms:.2f}",
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
            "requests/s",
            "p50, ms",
            "p99, ms",
            "CPU, ms/200",
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
        with tempfile.TemporaryDirectory() as folder:
            gains += _measure(part, model, bodies, config, Path(folder))
        print(table([gain.row() for gain in gains[-len(config.connections) - 1 :]]), flush=True)
    return Report(Machine.read(), model.name, tuple(gains))


def _measure(
    part: str, model: Path, bodies: tuple[bytes, ...], config: PatchesConfig, folder: Path
) -> Iterator[Gain]:
    with ExitStack() as stack:
        servers = {
            "with": _serve(stack, SERVICE_TARGET, model, folder / "with"),
            "without": _serve_without(stack, part, model, folder / "without"),
        }
        run_load = stack.enter_context(generator())
        for connections in config.connections:
            load = partial(_load, run_load, bodies, config, connections)
            gain = _compare(part, f"{connections} connections", servers, load, config.rounds)
            yield gain
        arrivals_per_s = OVERLOAD_FACTOR * gain.patched.requests_per_s
        load = partial(_load, run_load, bodies, config, connections, arrivals_per_s=arrivals_per_s)
        yield _compare(part, f"{OVERLOAD_FACTOR} x capacity", servers, load, config.rounds)


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
    arrivals_per_s: float | None = None,
) -> tuple[LoadResult, float]:
    """Run a load; return its result, and the processor time in s that the server took."""
    url = f"{server.url}/predict"
    seconds = config.warm_up_s, config.duration_s
    with server.resumed():
        before_s = server.cpu_s()
        result = run_load(LoadProfile(url, bodies, connections, *seconds, arrivals_per_s))
        return result, server.cpu_s() - before_s


def _serve(stack: ExitStack, target: str, model: Path, folder: Path) -> Server:
    """Start a server until the stack is closed, suspended until a load resumes it."""
    database = folder.with_suffix(".database")
    database.mkdir()
    server = stack.enter_context(serve_bento(target, model, sqlite_url(database), folder))
    server.suspend()
    return server


def _serve_without(stack: ExitStack, part: str, model: Path, folder: Path) -> Server:
    variables = {"WITHOUT_PATCH": part, "UNCHECKED": "1"}
    os.environ.update(variables)
    try:
        return _serve(stack, UNPATCHED_TARGET, model, folder)
    finally:
        for name in variables:
            del os.environ[name]
