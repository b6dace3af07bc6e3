"""The time until a system is ready, and the latency right after that."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

from benchmarks.loadgen import LoadProfile, LoadResult, generator
from benchmarks.servers import Server
from benchmarks.settings import FirstSecondsConfig
from benchmarks.stats import Spread, table

StartSystem: TypeAlias = Callable[[Path], AbstractContextManager[Server]]
"""Makes the given folder, and serves in it until the context ends."""


@dataclass(frozen=True, slots=True)
class Latencies:
    """Percentiles of one client's latency; NaN if nothing was answered."""

    p50_ms: float
    p99_ms: float
    max_ms: float

    @classmethod
    def of(cls, result: LoadResult) -> "Latencies":
        """Return the percentiles of a load."""
        return cls(*map(result.latency_ms, (0.5, 0.99, 1)))


@dataclass(frozen=True, slots=True)
class FirstSeconds:
    """The latencies of one start: of the first seconds after ready, and of as many later."""

    first: Latencies
    later: Latencies


def measure_startup(
    systems: Mapping[str, StartSystem], starts: int, folder: Path
) -> dict[str, Spread]:
    """Start systems in turn, one at a time; return the seconds until each was ready."""
    seconds: dict[str, list[float]] = {name: [] for name in systems}
    for _ in range(starts):
        for name, start in systems.items():
            with TemporaryDirectory(dir=folder) as scratch, start(Path(scratch) / "it") as server:
                seconds[name].append(server.ready_after_s)
            print(f"{name:16}  ready after {seconds[name][-1]:.1f} s", flush=True)
    return {name: Spread.of(each) for name, each in seconds.items()}


def measure_first_seconds(
    start: StartSystem, bodies: tuple[bytes, ...], config: FirstSecondsConfig, folder: Path
) -> tuple[FirstSeconds, ...]:
    """Start a system several times; send requests from the moment that it is ready."""
    measured = []
    for _ in range(config.starts):
        with (
            generator() as run_load,  # before the system starts, so that requests come at once
            TemporaryDirectory(dir=folder) as scratch,
            start(Path(scratch) / "it") as server,
        ):
            profile = LoadProfile(f"{server.url}/predict", bodies, 1, 0, config.duration_s)
            ready_s = time.monotonic()
            first = Latencies.of(run_load(profile))
            time.sleep(max(0, ready_s + config.later_s - time.monotonic()))
            later = Latencies.of(run_load(profile))
        print(f"p99 right after ready {first.p99_ms:.1f} ms, later {later.p99_ms:.1f} ms")
        measured.append(FirstSeconds(first, later))
    return tuple(measured)


def p99_ratio(starts: Sequence[FirstSeconds]) -> Spread:
    """Return the ratio of p99 right after ready to the later one, by start."""
    return Spread.of([each.first.p99_ms / each.later.p99_ms for each in starts])


def show_first_seconds(starts: Sequence[FirstSeconds], config: FirstSecondsConfig) -> str:
    """Return a table of the starts' medians, lowest and highest values."""
    rows = [["one client, ms", "p50", "p99", "max"]]
    for title, latencies in (
        (f"first {config.duration_s:.0f} s after ready", [each.first for each in starts]),
        (f"{config.later_s:.0f} s later", [each.later for each in starts]),
    ):
        columns = (
            [each.p50_ms for each in latencies],
            [each.p99_ms for each in latencies],
            [each.max_ms for each in latencies],
        )
        rows.append([title, *(Spread.of(values).show(1) for values in columns)])
    return table(rows)
