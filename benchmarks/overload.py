"""The benchmark of overload: three times as many requests as the service can answer."""

import json
import math
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.database import sqlite_url
from benchmarks.hardware import Machine
from benchmarks.loadgen import REFUSALS, LoadProfile, LoadResult, run_load
from benchmarks.model import random_model
from benchmarks.servers import SERVICE_TARGET, Server, serve_bento
from benchmarks.settings import OverloadConfig, Settings
from benchmarks.stats import Target, percentile, show_targets, table
from benchmarks.texts import TextsError, read_texts
from inference.model_folder import ModelFolderError

ERRORS = (ModelFolderError, TextsError)

OVERLOAD_FACTOR = 3
CAPACITY_CONNECTIONS = 128
WARM_UP_S = 2.0
"""Also the time that the service has to recover after the overload."""


@dataclass(frozen=True, slots=True)
class NormalLoad:
    """The service within its capacity: one client's p50, peak memory of all processes, capacity."""

    one_client_ms: float
    peak_mb: float
    capacity_per_s: float


@dataclass(frozen=True, slots=True)
class OverloadResult:
    """Sent and answered requests, percentiles of answers and refusals, and counts of failures."""

    sent_per_s: float
    answered_per_s: float
    answers_ms: Mapping[str, float]
    refusals_ms: Mapping[str, float]
    failures: Mapping[str, int]
    generator_cores: float


@dataclass(frozen=True, slots=True)
class Report:
    """The service before, during and after the overload."""

    machine: Machine
    model: str
    before: NormalLoad
    overload: OverloadResult
    after: NormalLoad

    def targets(self) -> list[Target]:
        """Return all targets."""
        before, overload, after = self.before, self.overload, self.after
        refusals = {str(status) for status in REFUSALS}
        others = sum(count for name, count in overload.failures.items() if name not in refusals)
        capacity = (before.capacity_per_s + after.capacity_per_s) / 2
        return [
            Target("neither answered nor refused with 429 or 503", others, most=0),
            Target("slowest refusal, ms", overload.refusals_ms["p100"], most=50),
            Target("answered / capacity", overload.answered_per_s / capacity, least=0.9),
            Target("peak memory, after / before", after.peak_mb / before.peak_mb, most=1.1),
            Target(
                f"p50 of one client, {WARM_UP_S:.0f} s after / before",
                after.one_client_ms / before.one_client_ms,
                most=1.5,
            ),
        ]

    def show(self) -> str:
        """Return tables."""
        before, overload, after = self.before, self.overload, self.after
        failures = ", ".join(f"{count} x {name}" for name, count in overload.failures.items())
        normal = [
            ["", "before", "after"],
            ["capacity, requests/s", f"{before.capacity_per_s:.1f}", f"{after.capacity_per_s:.1f}"],
            ["p50 of one client, ms", f"{before.one_client_ms:.1f}", f"{after.one_client_ms:.1f}"],
            ["peak memory, MB", f"{before.peak_mb:.0f}", f"{after.peak_mb:.0f}"],
        ]
        rows = [
            [f"{OVERLOAD_FACTOR} x capacity", ""],
            ["sent, requests/s", f"{overload.sent_per_s:.1f}"],
            ["answered, requests/s", f"{overload.answered_per_s:.1f}"],
            ["answers, ms", _show_percentiles(overload.answers_ms)],
            ["refusals, ms", _show_percentiles(overload.refusals_ms)],
            ["not answered", failures],
            ["generator, cores", f"{overload.generator_cores:.2f}"],
        ]
        heading = f"\n{self.model} on {self.machine.show()}"
        return "\n\n".join([heading, table(normal), table(rows), show_targets(self.targets())])


def run(settings: Settings) -> Report:
    """Measure before, during and after the overload. Raises ERRORS."""
    texts = read_texts(settings.texts)
    bodies = tuple(json.dumps({"text": text}).encode() for text in texts)
    model = settings.model or random_model()
    with tempfile.TemporaryDirectory() as folder:
        database_url = settings.database_url or sqlite_url(Path(folder))
        with serve_bento(SERVICE_TARGET, model, database_url, Path(folder) / "service") as server:
            return _measure(server, bodies, model.name, settings.profile.overload)


def _measure(
    server: Server, bodies: tuple[bytes, ...], model: str, config: OverloadConfig
) -> Report:
    def load(
        connections: int, duration_s: float, arrivals_per_s: float | None = None
    ) -> LoadResult:
        url = f"{server.url}/predict"
        return run_load(
            LoadProfile(url, bodies, connections, WARM_UP_S, duration_s, arrivals_per_s)
        )

    def normal_load() -> NormalLoad:
        one_client = load(1, config.capacity_s)
        full = load(CAPACITY_CONNECTIONS, config.capacity_s)
        print(f"{full.answered} answers to {CAPACITY_CONNECTIONS} connections", flush=True)
        return NormalLoad(
            one_client_ms=median(one_client.latencies_ms or [math.inf]),
            peak_mb=server.peak_mb(),
            capacity_per_s=full.requests_per_s,
        )

    before = normal_load()
    sent_per_s = OVERLOAD_FACTOR * before.capacity_per_s
    print(f"{config.duration_s:.0f} s of {sent_per_s:.0f} requests/s", flush=True)
    result = load(0, config.duration_s, sent_per_s)
    return Report(
        machine=Machine.read(),
        model=model,
        before=before,
        overload=OverloadResult(
            sent_per_s=sent_per_s,
            answered_per_s=result.requests_per_s,
            answers_ms=_percentiles(result.latencies_ms),
            refusals_ms=_percentiles(result.refused_ms),
            failures=dict(Counter(result.failures)),
            generator_cores=result.generator_cores,
        ),
        after=normal_load(),
    )


def _percentiles(latencies_ms: Sequence[float]) -> dict[str, float]:
    return {f"p{percent}": percentile(latencies_ms, percent / 100) for percent in (50, 99, 100)}


def _show_percentiles(percentiles: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.1f}" for name, value in percentiles.items())
