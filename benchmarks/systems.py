"""Several systems under the same load, in turn, on one machine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.loadgen import LoadProfile, alternating, run_load
from benchmarks.model_only import ModelOnly
from benchmarks.servers import Server
from benchmarks.settings import ServingConfig
from benchmarks.stats import Spread
from inference.batching import MAX_BATCH_SIZE
from inference.stream_scheduler import NUM_STREAMS

SERVICE, PIPELINE, LITSERVE, MODEL_ONLY = (
    "this service",
    "FastAPI+pipeline",
    "LitServe",
    "model only",
)
CAPACITY_CONNECTIONS = 32
DOUBLE_DURATION_CONNECTIONS = 64
"""So many connections are measured twice as long, since more of them wait longer for answers."""

SHARES = (0.5, 0.9)
MAX_TEXTS_AT_ONCE = NUM_STREAMS * MAX_BATCH_SIZE
"""Texts that the service computes at once."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """A system under a load: connections of a closed loop, or a share of its own capacity.

    ``generator_cores`` is the load generator's use of the processor; 1.0 is a whole core. Latencies
    are None for the model only, and if nothing was answered.
    """

    system: str
    load: str
    requests_per_s: float
    p50_ms: float | None
    p99_ms: float | None
    failures: tuple[str, ...]
    generator_cores: float

    def show(self) -> str:
        """Return a line of text."""
        line = f"{self.system:16}  {self.load:>15}  {self.requests_per_s:7.1f} requests/s"
        if self.p50_ms is None or self.p99_ms is None:
            return line
        return (
            f"{line}  p50 {self.p50_ms:7.1f} ms  p99 {self.p99_ms:7.1f} ms"
            f"  {len(self.failures)} failed  generator {self.generator_cores:.3f} cores"
        )


@dataclass(frozen=True, slots=True)
class Results:
    """All measurements in the order of the rounds, and the peak memory (MB) of each server."""

    measurements: tuple[Measurement, ...]
    peaks_mb: Mapping[str, float]

    def of(self, system: str, load: str) -> list[Measurement]:
        """Return the rounds of one system under one load."""
        return [made for made in self.measurements if (made.system, made.load) == (system, load)]

    def ratio(self, metric: str, load: str, system: str, other: str) -> Spread | None:
        """Return the ratio of two systems' metric by round; None if either lacks it."""
        pairs = [
            (getattr(one, metric), getattr(two, metric))
            for one, two in zip(self.of(system, load), self.of(other, load), strict=False)
        ]
        if not pairs or not all(one and two for one, two in pairs):
            return None
        return Spread.of([one / two for one, two in pairs])

    def systems(self) -> list[str]:
        """Return the systems in the order of their first measurement."""
        return list(dict.fromkeys(made.system for made in self.measurements))

    def loads(self, system: str | None = None) -> list[str]:
        """Return the loads (of one system) in the order of their first measurement."""
        return list(
            dict.fromkeys(made.load for made in self.measurements if system in (None, made.system))
        )


def connections_load(connections: int) -> str:
    """Return the name of a closed loop."""
    return f"{connections} connection{'s' if connections > 1 else ''}"


def share_load(share: float) -> str:
    """Return the name of an open loop."""
    return f"{share:.0%} load"


def compare_systems(
    servers: Mapping[str, Server],
    model_only: ModelOnly,
    bodies: tuple[bytes, ...],
    config: ServingConfig,
) -> Results:
    """Measure suspended servers in turn, round by round: closed loops, then open loops.

    In open loops requests arrive at shares of each server's throughput at 32 connections.
    """
    made: list[Measurement] = []

    def measure(
        name: str, load: str, connections: int, arrivals_per_s: float | None = None
    ) -> Measurement:
        factor = 1 + connections / DOUBLE_DURATION_CONNECTIONS
        profile = LoadProfile(
            url=f"{servers[name].url}/predict",
            bodies=bodies,
            connections=connections,
            warm_up_s=factor * config.warm_up_s,
            duration_s=factor * config.duration_s,
            arrivals_per_s=arrivals_per_s,
        )
        with servers[name].resumed():
            return _measure(name, load, profile)

    def record(measurement: Measurement) -> None:
        print(measurement.show(), flush=True)
        made.append(measurement)

    for name in servers:  # a warm-up
        measure(name, connections_load(CAPACITY_CONNECTIONS), CAPACITY_CONNECTIONS)
    for names in alternating(list(servers), config.rounds):
        for connections in config.connections:
            load = connections_load(connections)
            for name in names:
                record(measure(name, load, connections))
            batch = min(connections, MAX_TEXTS_AT_ONCE)
            texts_per_s = model_only.texts_per_s(batch, config.duration_s)
            record(Measurement(MODEL_ONLY, load, texts_per_s, None, None, (), 0))
    capacity = {name: _capacity(made, name) for name in servers}
    answering = [name for name in servers if capacity[name] > 0]
    for names in alternating(answering, config.rounds):
        for share in SHARES:
            for name in names:
                record(measure(name, share_load(share), 0, share * capacity[name]))
    return Results(tuple(made), {name: server.peak_mb() for name, server in servers.items()})


def _measure(name: str, load: str, profile: LoadProfile) -> Measurement:
    result = run_load(profile)
    return Measurement(
        system=name,
        load=load,
        requests_per_s=result.requests_per_s,
        p50_ms=result.latency_ms(0.50) if result.latencies_ms else None,
        p99_ms=result.latency_ms(0.99) if result.latencies_ms else None,
        failures=result.failures,
        generator_cores=result.generator_cores,
    )


def _capacity(made: Sequence[Measurement], name: str) -> float:
    load = connections_load(CAPACITY_CONNECTIONS)
    return median(each.requests_per_s for each in made if (each.system, each.load) == (name, load))
