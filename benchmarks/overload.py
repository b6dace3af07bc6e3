"""The benchmark of overload: three times as many requests as the service can answer."""

import json
import math
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.database import sqlite_url
from benchmarks.figures import table
from benchmarks.goals import Goal
from benchmarks.load import REFUSALS, Outcome, Plan, generate
from benchmarks.machine import Machine
from benchmarks.model import roberta_base
from benchmarks.servers import RECORDED, serving
from benchmarks.settings import Flood, Settings
from benchmarks.texts import TextsError, read_texts
from inference.model_folder import ModelFolderError
from tests.server import Server

ERRORS = (ModelFolderError, TextsError)

TIMES = 3
MANY, ALONE = 128, 1
WARM_UP_S = 2.0
"""After a flood, so long is also what a service may take to be as it was."""


@dataclass(frozen=True, slots=True)
class Report:
    """What was asked and answered, per second, and what became of the rest.

    ``capacity_per_s`` is measured before and after the flood, and so is ``alone_ms``, the median
    of a lone client. Memory is all that the service's processes hold, in MB.
    """

    machine: Machine
    model: str
    capacity_per_s: tuple[float, float]
    asked_per_s: float
    answered_per_s: float
    answers_ms: Mapping[str, float]
    refusals_ms: Mapping[str, float]
    failures: Mapping[str, int]
    alone_ms: tuple[float, float]
    memory_mb: tuple[float, float]
    generator_cores: float

    def goals(self) -> list[Goal]:
        """Return what was wanted, and what came of it."""
        declared = {str(status) for status in REFUSALS}
        others = sum(count for name, count in self.failures.items() if name not in declared)
        capacity = sum(self.capacity_per_s) / 2
        return [
            Goal("neither answered nor refused with 429 or 503", others, most=0),
            Goal("refusals, p99 ms", self.refusals_ms["p99"], most=50),
            Goal("answered / capacity", self.answered_per_s / capacity, least=0.9),
            Goal("memory, after / before", self.memory_mb[1] / self.memory_mb[0], most=1.1),
            Goal(
                f"p50 alone {WARM_UP_S:.0f} s later / before",
                self.alone_ms[1] / self.alone_ms[0],
                most=1.5,
            ),
        ]

    def show(self) -> str:
        """Return it as text."""
        before, after = self.capacity_per_s
        rows = [
            ["capacity before and after, requests/s", f"{before:.1f} and {after:.1f}"],
            ["asked, requests/s", f"{self.asked_per_s:.1f}"],
            ["answered, requests/s", f"{self.answered_per_s:.1f}"],
            ["answers, ms", _quantiles(self.answers_ms)],
            ["refusals, ms", _quantiles(self.refusals_ms)],
            ["not answered", ", ".join(f"{n} x {what}" for what, n in self.failures.items())],
            ["memory before and after, MB", "{:.0f} and {:.0f}".format(*self.memory_mb)],
            ["cores that the generator took", f"{self.generator_cores:.2f}"],
        ]
        goals = [["goal", "measured", "wanted", ""], *(goal.show() for goal in self.goals())]
        heading = f"\n{self.model} on {self.machine.show()}, {TIMES} x its capacity"
        return "\n\n".join([heading, table([["", ""], *rows]), table(goals)])


def run(settings: Settings) -> Report:
    """Measure all of it. Raises what is in ERRORS."""
    settings.output.mkdir(parents=True, exist_ok=True)
    texts = read_texts(settings.texts)
    bodies = tuple(json.dumps({"text": text}).encode() for text in texts)
    model = settings.model or roberta_base(settings.output)
    with tempfile.TemporaryDirectory() as folder:
        database_url = settings.database_url or sqlite_url(Path(folder))
        with serving(RECORDED, model, database_url, Path(folder) / "service") as server:
            return _measure(server, bodies, model.name, settings.effort.overload)


def _measure(server: Server, bodies: tuple[bytes, ...], model: str, flood: Flood) -> Report:
    def asked(connections: int, duration_s: float, arrivals_per_s: float | None = None) -> Outcome:
        url = f"{server.url}/predict"
        return generate(Plan(url, bodies, connections, WARM_UP_S, duration_s, arrivals_per_s))

    def capacity_per_s() -> float:
        made = asked(MANY, flood.capacity_s)
        print(f"{made.answered} answered by {MANY} connections", flush=True)
        return len(made.latencies_ms) / made.duration_s

    def alone_ms() -> float:
        return float(np.median(asked(ALONE, flood.capacity_s).latencies_ms or [math.inf]))

    alone_before_ms, before_per_s = alone_ms(), capacity_per_s()
    memory_before_mb = _memory_mb(server)
    print(f"{flood.duration_s:.0f} s of {TIMES * before_per_s:.0f} requests/s", flush=True)
    made = asked(0, flood.duration_s, TIMES * before_per_s)
    alone_after_ms, memory_after_mb = alone_ms(), _memory_mb(server)
    return Report(
        machine=Machine.read(),
        model=model,
        capacity_per_s=(before_per_s, capacity_per_s()),
        asked_per_s=TIMES * before_per_s,
        answered_per_s=len(made.latencies_ms) / made.duration_s,
        answers_ms=_quantiles_of(made.latencies_ms),
        refusals_ms=_quantiles_of(made.refused_ms),
        failures=dict(Counter(made.failures)),
        alone_ms=(alone_before_ms, alone_after_ms),
        memory_mb=(memory_before_mb, memory_after_mb),
        generator_cores=made.cpu_s / made.duration_s,
    )


def _memory_mb(server: Server) -> float:
    held = [process.memory_info().rss for process in server.processes()]
    return sum(held) / (1 << 20)


def _quantiles_of(latencies_ms: Sequence[float]) -> dict[str, float]:
    values = latencies_ms or [math.nan]
    return {f"p{q}": float(np.percentile(values, q)) for q in (50, 99, 100)}


def _quantiles(made: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.1f}" for name, value in made.items())
