"""How quickly a service answers right after it says that it is ready, beside a minute later."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.loadgen import Outcome, Plan, generator
from benchmarks.settings import FirstSeconds
from benchmarks.startup import Start
from benchmarks.stats import Spread, percentile, table


@dataclass(frozen=True, slots=True)
class Latencies:
    """What one client that asks without pause waited for its answers."""

    p50_ms: float
    p99_ms: float
    longest_ms: float

    @classmethod
    def of(cls, outcome: Outcome) -> "Latencies":
        """Summarise a stretch of load; all are NaN if nothing was answered."""
        shares = (0.5, 0.99, 1)
        return cls(*(percentile(outcome.latencies_ms, share) for share in shares))


@dataclass(frozen=True, slots=True)
class Warmth:
    """The latencies from ready on, and those of as many seconds later on, of one start."""

    first: Latencies
    later: Latencies


def measure_first_seconds(
    start: Start, bodies: tuple[bytes, ...], effort: FirstSeconds, folder: Path
) -> tuple[Warmth, ...]:
    """Start the service some times, and ask from the moment on when it is ready."""
    made = []
    for _ in range(effort.starts):
        with (
            generator() as generate,  # which is there before the service is
            TemporaryDirectory(dir=folder) as scratch,
            start(Path(scratch) / "it") as server,
        ):
            plan = Plan(f"{server.url}/predict", bodies, 1, 0, effort.duration_s)
            ready_s = time.monotonic()
            first = Latencies.of(generate(plan))
            time.sleep(max(0, ready_s + effort.later_s - time.monotonic()))
            made.append(Warmth(first, Latencies.of(generate(plan))))
        print(f"p99 from ready on {first.p99_ms:.1f} ms, later {made[-1].later.p99_ms:.1f} ms")
    return tuple(made)


def p99_ratio(made: Sequence[Warmth]) -> Spread:
    """Return what the p99 from ready on is to the later one, start by start."""
    return Spread.of([each.first.p99_ms / each.later.p99_ms for each in made])


def show_first_seconds(made: Sequence[Warmth], effort: FirstSeconds) -> str:
    """Return a table: medians of the starts, between the lowest and the highest."""
    rows = [["alone, ms", "p50", "p99", "longest"]]
    for title, stretches in (
        (f"the first {effort.duration_s:.0f} s after ready", [each.first for each in made]),
        (f"{effort.later_s:.0f} s later", [each.later for each in made]),
    ):
        figures = (
            [each.p50_ms for each in stretches],
            [each.p99_ms for each in stretches],
            [each.longest_ms for each in stretches],
        )
        rows.append([title, *(Spread.of(values).show(1) for values in figures)])
    return table(rows)
