"""The benchmark of serving: this service, FastAPI with a pipeline, LitServe, and the model only."""

import json
import math
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks.database import sqlite_url
from benchmarks.hardware import Machine
from benchmarks.model import random_model
from benchmarks.model_only import start_model_only
from benchmarks.plots import plot_serving
from benchmarks.servers import (
    NOOP_TARGET,
    SERVICE_TARGET,
    Server,
    has_litserve,
    serve_bento,
    serve_fastapi_pipeline,
    serve_litserve,
)
from benchmarks.settings import FirstSecondsConfig, Settings
from benchmarks.startup import (
    FirstSeconds,
    StartSystem,
    measure_first_seconds,
    measure_startup,
    p99_ratio,
    show_first_seconds,
)
from benchmarks.stats import Spread, Target, show_targets, table
from benchmarks.systems import (
    CAPACITY_CONNECTIONS,
    LITSERVE,
    MODEL_ONLY,
    PIPELINE,
    SERVICE,
    Measurement,
    Results,
    compare_systems,
    connections_load,
    share_load,
)
from benchmarks.texts import TextsError, read_texts
from inference.model_folder import WEIGHTS_FILE, ModelFolder, ModelFolderError
from inference.runtime import RuntimeNotInstalledError, check_runtime
from inference.settings import ModelSettings, RuntimeNameError


class NoWeightsError(Exception):
    """The other systems cannot serve the model."""

    def __init__(self, model: Path) -> None:
        super().__init__(f"MODEL: {model} has no {WEIGHTS_FILE} for the other systems to serve")


ERRORS = (
    ModelFolderError,
    NoWeightsError,
    RuntimeNameError,
    RuntimeNotInstalledError,
    TextsError,
    subprocess.CalledProcessError,
)

NOOP = "BentoML, no-op"
METRICS = {"requests_per_s": "requests/s", "p50_ms": "p50"}
MIN_THROUGHPUT_RATIO = {PIPELINE: 10.0, LITSERVE: 8.0, MODEL_ONLY: 0.9}
MAX_P50_RATIO = round(1 / 6, 3)
MAX_P99_TO_P50 = 3.0
MAX_FIRST_P99_RATIO = 1.5
MAX_MEMORY_RATIO = 1.0
MAX_READY_RATIO = round(1 / 3, 3)


@dataclass(frozen=True, slots=True)
class Report:
    """Results of a run; ``starts`` are seconds until ready, by system; ``plot`` is a path."""

    machine: Machine
    model: str
    starts: Mapping[str, Spread]
    first_config: FirstSecondsConfig
    first_seconds: Sequence[FirstSeconds]
    results: Results
    plot: str

    def targets(self) -> list[Target]:
        """Return all targets."""
        capacity, one = connections_load(CAPACITY_CONNECTIONS), connections_load(1)
        peaks, starts = self.results.peaks_mb, self.starts
        busy = self.results.of(SERVICE, share_load(0.9))
        tails = [made.p99_ms / made.p50_ms for made in busy if made.p50_ms and made.p99_ms]
        own = [made for made in self.results.measurements if made.system == SERVICE]
        ratios = [
            *(
                self._target("requests_per_s", capacity, other, least=least)
                for other, least in MIN_THROUGHPUT_RATIO.items()
            ),
            self._target("p50_ms", one, PIPELINE, most=MAX_P50_RATIO),
        ]
        return [
            *(target for target in ratios if target is not None),
            Target(
                "p99 / p50, service at 90% load", median(tails or [math.inf]), most=MAX_P99_TO_P50
            ),
            Target("failed requests, service", sum(len(made.failures) for made in own), most=0),
            Target(
                f"memory, service / {PIPELINE}",
                peaks[SERVICE] / peaks[PIPELINE],
                most=MAX_MEMORY_RATIO,
            ),
            Target(
                f"seconds until ready, service / {PIPELINE}",
                starts[SERVICE].median / starts[PIPELINE].median,
                most=MAX_READY_RATIO,
            ),
            Target(
                f"p99, service, first {self.first_config.duration_s:.0f} s after ready / later",
                p99_ratio(self.first_seconds).median,
                most=MAX_FIRST_P99_RATIO,
            ),
        ]

    def _target(self, metric: str, load: str, other: str, **limit: float) -> Target | None:
        """Return the target of a ratio to another system, None if that was not measured."""
        ratio = self.results.ratio(metric, load, SERVICE, other)
        if ratio is None:
            return None
        return Target(f"{METRICS[metric]}, {load}, service / {other}", ratio.median, **limit)

    def show(self) -> str:
        """Return tables of medians, lowest and highest values of the rounds."""
        parts = (
            f"\n{self.model} on {self.machine.show()}: median (lowest .. highest)",
            self._show_loads(),
            self._show_ratios(),
            self._show_resources(),
            show_first_seconds(self.first_seconds, self.first_config),
            show_targets(self.targets()),
            f"Plot: {self.plot}",
        )
        return "\n\n".join(parts)

    def _show_loads(self) -> str:
        rows = [["", "", "requests/s", "p50 ms", "p99 ms", "failed", "generator"]]
        for load in self.results.loads():
            for system in self.results.systems():
                if made := self.results.of(system, load):
                    rows.append([load, system, *_cells(made)])
        return table(rows)

    def _show_ratios(self) -> str:
        others = [system for system in self.results.systems() if system != SERVICE]
        rows = [["service / other", "", *others]]
        for load in self.results.loads(MODEL_ONLY):
            for metric, title in METRICS.items():
                ratios = [self.results.ratio(metric, load, SERVICE, other) for other in others]
                rows.append(
                    [load, title, *("" if each is None else each.show(2) for each in ratios)]
                )
        return table(rows)

    def _show_resources(self) -> str:
        rows = [["", "ready after s", "peak MB"]]
        for system, seconds in self.starts.items():
            peak_mb = self.results.peaks_mb.get(system)
            rows.append([system, seconds.show(1), "" if peak_mb is None else f"{peak_mb:,.0f}"])
        return table(rows)


def run(settings: Settings) -> Report:
    """Measure all systems, and write the plot. Raises ERRORS."""
    bodies = tuple(json.dumps({"text": text}).encode() for text in read_texts(settings.texts))
    model = settings.model or random_model()
    check_runtime(ModelSettings(runtime=settings.runtime).chosen_runtime, ModelFolder.read(model))
    if not (model / WEIGHTS_FILE).is_file():
        raise NoWeightsError(model)
    config = settings.profile.serving
    with tempfile.TemporaryDirectory(dir=settings.output) as scratch:
        folder = Path(scratch)
        systems = _systems(model, sqlite_url(folder))
        starts = measure_startup(
            {**systems, NOOP: partial(serve_bento, NOOP_TARGET, None, "")}, config.starts, folder
        )
        first_seconds = measure_first_seconds(systems[SERVICE], bodies, config.first, folder)
        with ExitStack() as stack:
            model_only = stack.enter_context(start_model_only(model, settings.texts))
            servers = _start_suspended(systems, folder, stack)
            results = compare_systems(servers, model_only, bodies, config)
    plot, machine = settings.output / "serving.png", Machine.read()
    plot_serving(results, f"{model.name} on {machine.show()}", plot)
    return Report(machine, model.name, starts, config.first, first_seconds, results, str(plot))


def _systems(model: Path, url: str) -> dict[str, StartSystem]:
    """Return the servers that can be measured here."""
    systems: dict[str, StartSystem] = {
        SERVICE: partial(serve_bento, SERVICE_TARGET, model, url),
        PIPELINE: partial(serve_fastapi_pipeline, model),
    }
    if has_litserve():
        systems[LITSERVE] = partial(serve_litserve, model)
    else:
        print("LitServe is not measured: `make bench` installs it\n", flush=True)
    return systems


def _start_suspended(
    systems: Mapping[str, StartSystem], folder: Path, stack: ExitStack
) -> dict[str, Server]:
    """Start each server, and suspend it before the next one starts."""
    servers = {}
    for name, start in systems.items():
        servers[name] = stack.enter_context(start(folder / name))
        servers[name].suspend()
    return servers


def _cells(made: list[Measurement]) -> list[str]:
    throughput = Spread.of([each.requests_per_s for each in made]).show(1)
    p50s, p99s = (
        [value for each in made if (value := getattr(each, name)) is not None]
        for name in ("p50_ms", "p99_ms")
    )
    if not p50s:
        return [throughput, "", "", "", ""]
    return [
        throughput,
        Spread.of(p50s).show(1),
        Spread.of(p99s).show(1),
        str(sum(len(each.failures) for each in made)),
        f"{max(each.generator_cores for each in made):.3f} cores",
    ]
