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
from benchmarks.loadgen import REFUSALS, Outcome, Plan, generate
from benchmarks.model import roberta_base
from benchmarks.servers import SERVICE_TARGET, Server, serve_bento
from benchmarks.settings import Flood, Settings
from benchmarks.stats import percentile, table
from benchmarks.targets import Goal
from benchmarks.texts import TextsError, read_texts
from inference.model_folder import ModelFolderError

ERRORS = (ModelFolderError, TextsError)

TIMES = 3
MANY, ALONE = 128, 1
WARM_UP_S = 2.0
"""After a flood, so long is also what a service may take to be as it was."""


@dataclass(frozen=True, slots=True)
class Usual:
    """What the service does while it can: with many connections, with one, and what it holds.

    ``alone_ms`` is the median latency of the one; memory is what all its processes have held at
    most until then, added up.
    """

    alone_ms: float
    peak_mb: float
    capacity_per_s: float


@dataclass(frozen=True, slots=True)
class Flooded:
    """What was asked and answered, and what became of the rest."""

    asked_per_s: float
    answered_per_s: float
    answers_ms: Mapping[str, float]
    refusals_ms: Mapping[str, float]
    failures: Mapping[str, int]
    generator_cores: float


@dataclass(frozen=True, slots=True)
class Report:
    """A service before, in and after a flood."""

    machine: Machine
    model: str
    before: Usual
    flooded: Flooded
    after: Usual

    def goals(self) -> list[Goal]:
        """Return what was wanted, and what came of it."""
        before, flooded, after = self.before, self.flooded, self.after
        declared = {str(status) for status in REFUSALS}
        others = sum(count for name, count in flooded.failures.items() if name not in declared)
        capacity = (before.capacity_per_s + after.capacity_per_s) / 2
        return [
            Goal("neither answered nor refused with 429 or 503", others, most=0),
            Goal("slowest refusal, ms", flooded.refusals_ms["p100"], most=50),
            Goal("answered / capacity", flooded.answered_per_s / capacity, least=0.9),
            Goal("highest memory, after / before", after.peak_mb / before.peak_mb, most=1.1),
            Goal(
                f"p50 alone {WARM_UP_S:.0f} s later / before",
                after.alone_ms / before.alone_ms,
                most=1.5,
            ),
        ]

    def show(self) -> str:
        """Return it as text."""
        before, flooded, after = self.before, self.flooded, self.after
        rows = [
            ["", "before", "after"],
            ["capacity, requests/s", f"{before.capacity_per_s:.1f}", f"{after.capacity_per_s:.1f}"],
            ["p50 alone, ms", f"{before.alone_ms:.1f}", f"{after.alone_ms:.1f}"],
            ["highest memory, MB", f"{before.peak_mb:.0f}", f"{after.peak_mb:.0f}"],
        ]
        flood = [
            [f"{TIMES} x capacity", ""],
            ["asked, requests/s", f"{flooded.asked_per_s:.1f}"],
            ["answered, requests/s", f"{flooded.answered_per_s:.1f}"],
            ["answers, ms", _shown(flooded.answers_ms)],
            ["refusals, ms", _shown(flooded.refusals_ms)],
            ["not answered", ", ".join(f"{n} x {what}" for what, n in flooded.failures.items())],
            ["cores that the generator took", f"{flooded.generator_cores:.2f}"],
        ]
        goals = [["goal", "measured", "wanted", ""], *(goal.show() for goal in self.goals())]
        heading = f"\n{self.model} on {self.machine.show()}"
        return "\n\n".join([heading, table(rows), table(flood), table(goals)])


def run(settings: Settings) -> Report:
    """Measure all of it. Raises what is in ERRORS."""
    settings.output.mkdir(parents=True, exist_ok=True)
    texts = read_texts(settings.texts)
    bodies = tuple(json.dumps({"text": text}).encode() for text in texts)
    model = settings.model or roberta_base()
    with tempfile.TemporaryDirectory() as folder:
        database_url = settings.database_url or sqlite_url(Path(folder))
        with serve_bento(SERVICE_TARGET, model, database_url, Path(folder) / "service") as server:
            return _measure(server, bodies, model.name, settings.effort.overload)


def _measure(server: Server, bodies: tuple[bytes, ...], model: str, flood: Flood) -> Report:
    def asked(connections: int, duration_s: float, arrivals_per_s: float | None = None) -> Outcome:
        url = f"{server.url}/predict"
        return generate(Plan(url, bodies, connections, WARM_UP_S, duration_s, arrivals_per_s))

    def usual() -> Usual:
        alone = asked(ALONE, flood.capacity_s)
        many = asked(MANY, flood.capacity_s)
        print(f"{many.answered} answered by {MANY} connections", flush=True)
        return Usual(
            alone_ms=median(alone.latencies_ms or [math.inf]),
            peak_mb=server.peak_mb(),
            capacity_per_s=len(many.latencies_ms) / many.duration_s,
        )

    before = usual()
    asked_per_s = TIMES * before.capacity_per_s
    print(f"{flood.duration_s:.0f} s of {asked_per_s:.0f} requests/s", flush=True)
    made = asked(0, flood.duration_s, asked_per_s)
    return Report(
        machine=Machine.read(),
        model=model,
        before=before,
        flooded=Flooded(
            asked_per_s=asked_per_s,
            answered_per_s=len(made.latencies_ms) / made.duration_s,
            answers_ms=_percentiles(made.latencies_ms),
            refusals_ms=_percentiles(made.refused_ms),
            failures=dict(Counter(made.failures)),
            generator_cores=made.cpu_s / made.duration_s,
        ),
        after=usual(),
    )


def _percentiles(latencies_ms: Sequence[float]) -> dict[str, float]:
    return {f"p{percent}": percentile(latencies_ms, percent / 100) for percent in (50, 99, 100)}


def _shown(made: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.1f}" for name, value in made.items())
