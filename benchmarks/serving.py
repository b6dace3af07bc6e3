"""The benchmark of serving: this service beside the plain design, LitServe and the bare model."""

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
from benchmarks.first_seconds import (
    Warmth,
    measure_first_seconds,
    p99_ratio,
    show_first_seconds,
)
from benchmarks.hardware import Machine
from benchmarks.model import roberta_base
from benchmarks.model_only import bare_loop
from benchmarks.plots import draw_contest
from benchmarks.servers import (
    NOOP_TARGET,
    SERVICE_TARGET,
    has_litserve,
    serve_bento,
    serve_fastapi_pipeline,
    serve_litserve,
)
from benchmarks.settings import FirstSeconds, Settings
from benchmarks.side_by_side import (
    BARE,
    CAPACITY_CONNECTIONS,
    LITSERVE,
    OURS,
    PLAIN,
    Measurement,
    Results,
    at,
    contest,
    under,
)
from benchmarks.startup import Start, time_starts
from benchmarks.stats import Spread, table
from benchmarks.targets import Goal
from benchmarks.texts import TextsError, read_texts
from inference.model_folder import WEIGHTS_FILE, ModelFolder, ModelFolderError
from inference.runtime import RuntimeNotInstalledError, check_runtime
from inference.settings import ModelSettings, RuntimeNameError


class ContestError(Exception):
    """The services cannot be compared."""


ERRORS = (
    ContestError,
    ModelFolderError,
    RuntimeNameError,
    RuntimeNotInstalledError,
    TextsError,
    subprocess.CalledProcessError,
)

ALONE = "BentoML"
"""The name of a service that does nothing."""

NO_LITSERVE = "LitServe is not measured: `make bench` installs it\n"
FIGURES = {"requests_per_s": "requests/s", "p50_ms": "p50"}
LEAST_THROUGHPUT = {PLAIN: 10.0, LITSERVE: 8.0, BARE: 0.9}
MOST_P50 = round(1 / 6, 3)
MOST_P99 = 3.0
MOST_FIRST_P99 = 1.5
MOST_MEMORY = 1.0
MOST_READY = round(1 / 3, 3)


@dataclass(frozen=True, slots=True)
class Report:
    """All figures of a run, and where they are drawn.

    ``starts`` are seconds until ready; ``first_seconds`` what our service did right then.
    """

    machine: Machine
    model: str
    starts: Mapping[str, Spread]
    first: FirstSeconds
    first_seconds: Sequence[Warmth]
    results: Results
    picture: str

    def goals(self) -> list[Goal]:
        """Return what was wanted, and what came of it."""
        full, alone = at(CAPACITY_CONNECTIONS), at(1)
        peaks, starts = self.results.peaks_mb, self.starts
        busy = self.results.of(OURS, under(0.9))
        tails = [made.p99_ms / made.p50_ms for made in busy if made.p50_ms and made.p99_ms]
        mine = [made for made in self.results.measurements if made.contestant == OURS]
        goals = [
            *(
                self._goal("requests_per_s", full, other, least=least)
                for other, least in LEAST_THROUGHPUT.items()
            ),
            self._goal("p50_ms", alone, PLAIN, most=MOST_P50),
            Goal("p99 / p50, ours under 90% load", median(tails or [math.inf]), most=MOST_P99),
            Goal("failed requests, ours", sum(len(made.failures) for made in mine), most=0),
            Goal(f"memory, ours / {PLAIN}", peaks[OURS] / peaks[PLAIN], most=MOST_MEMORY),
            Goal(
                f"seconds until ready, ours / {PLAIN}",
                starts[OURS].median / starts[PLAIN].median,
                most=MOST_READY,
            ),
            Goal(
                f"p99 of the first {self.first.duration_s:.0f} s after ready / later, ours",
                p99_ratio(self.first_seconds).median,
                most=MOST_FIRST_P99,
            ),
        ]
        return [goal for goal in goals if goal is not None]

    def _goal(self, figure: str, load: str, other: str, **limit: float) -> Goal | None:
        """Return what is wanted of a ratio to another, None where the other was not measured."""
        ratio = self.results.ratio(figure, load, OURS, other)
        if ratio is None:
            return None
        return Goal(f"{FIGURES[figure]}, {load}, ours / {other}", ratio.median, **limit)

    def show(self) -> str:
        """Return it as text: medians of the rounds, between the lowest and the highest."""
        heading = f"\n{self.model} on {self.machine.show()}: median (lowest .. highest)"
        goals = [["goal", "measured", "wanted", ""], *(goal.show() for goal in self.goals())]
        parts = [heading, self._loads(), self._ratios(), self._resources()]
        parts += [show_first_seconds(self.first_seconds, self.first), table(goals)]
        return "\n\n".join([*parts, f"Picture: {self.picture}"])

    def _loads(self) -> str:
        rows = [["", "", "requests/s", "p50 ms", "p99 ms", "failed", "generator"]]
        for load in self.results.loads():
            for name in self.results.contestants():
                if made := self.results.of(name, load):
                    rows.append([load, name, *_cells(made)])
        return table(rows)

    def _ratios(self) -> str:
        others = [name for name in self.results.contestants() if name != OURS]
        rows = [["ours / theirs", "", *others]]
        for load in self.results.closed_loads():
            for figure, title in FIGURES.items():
                cells = [self._ratio(figure, load, other) for other in others]
                rows.append([load, title, *cells])
        return table(rows)

    def _ratio(self, figure: str, load: str, other: str) -> str:
        ratio = self.results.ratio(figure, load, OURS, other)
        return "" if ratio is None else ratio.show(2)

    def _resources(self) -> str:
        rows = [["", "ready after s", "peak MB"]]
        for name, seconds in self.starts.items():
            peak_mb = self.results.peaks_mb.get(name)
            rows.append([name, seconds.show(1), "" if peak_mb is None else f"{peak_mb:,.0f}"])
        return table(rows)


def run(settings: Settings) -> Report:
    """Measure all of it; what is written meanwhile is deleted, but for model and picture.

    Raises what is in ERRORS.
    """
    bodies = tuple(json.dumps({"text": text}).encode() for text in read_texts(settings.texts))
    model = settings.model or roberta_base()
    check_runtime(ModelSettings(runtime=settings.runtime).chosen_runtime, ModelFolder.read(model))
    if not (model / WEIGHTS_FILE).is_file():
        raise ContestError(f"MODEL: {model} has no {WEIGHTS_FILE} for the others to serve")
    settings.output.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=settings.output)))
        services = _services(model, sqlite_url(folder))  # as the plain design has it
        starts = time_starts(
            {**services, ALONE: partial(serve_bento, NOOP_TARGET, None, "")},
            settings.effort.serving.starts,
            folder,
        )
        first_seconds = measure_first_seconds(
            services[OURS], bodies, settings.effort.serving.first, folder
        )
        bare = stack.enter_context(bare_loop(model, settings.texts))
        servers = {}
        for name, start in services.items():
            servers[name] = stack.enter_context(start(folder / name))
            stack.callback(servers[name].resume)  # so that it can end
            servers[name].suspend()  # until it is measured
        results = contest(servers, bare, bodies, settings.effort.serving)
    picture = settings.output / "serving.png"
    machine = Machine.read()
    draw_contest(results, f"{model.name} on {machine.show()}", picture)
    return Report(
        machine,
        model.name,
        starts,
        settings.effort.serving.first,
        first_seconds,
        results,
        str(picture),
    )


def _services(model: Path, url: str) -> dict[str, Start]:
    """Return all services that can be measured here."""
    services: dict[str, Start] = {
        OURS: partial(serve_bento, SERVICE_TARGET, model, url),
        PLAIN: partial(serve_fastapi_pipeline, model),
    }
    if has_litserve():
        services[LITSERVE] = partial(serve_litserve, model)
    else:
        print(NO_LITSERVE, flush=True)
    return services


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
