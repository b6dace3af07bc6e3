"""Services under the same load, in turn, on one machine."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.loadgen import Plan, generate
from benchmarks.model_only import BareLoop
from benchmarks.servers import Server
from benchmarks.settings import Contest
from benchmarks.stats import Spread, percentile
from inference.batching import MAX_BATCH_SIZE
from inference.stream_scheduler import NUM_STREAMS

OURS, PLAIN, LITSERVE, BARE = "this service", "plain", "LitServe", "bare loop"
CAPACITY_CONNECTIONS = 32
PATIENT_CONNECTIONS = 64
"""So many connections are measured twice as long: with more of them answers take longer."""

SHARES = (0.5, 0.9)
MAX_BATCH = NUM_STREAMS * MAX_BATCH_SIZE
"""As many texts as the service computes at once."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """A stretch of load on one of the contestants.

    ``load`` is a number of connections that ask without pause, or the share of the contestant's
    own capacity that requests arrive at. ``generator_cores`` is what asking took of the
    processor; 1.0 is all of a core. There are no latencies of the bare loop, nor where nothing
    was answered in time.
    """

    contestant: str
    load: str
    requests_per_s: float
    p50_ms: float | None
    p99_ms: float | None
    failures: tuple[str, ...]
    generator_cores: float

    def show(self) -> str:
        """Return one line."""
        line = f"{self.contestant:12}  {self.load:>15}  {self.requests_per_s:7.1f} requests/s"
        if self.p50_ms is None or self.p99_ms is None:
            return line
        return (
            f"{line}  p50 {self.p50_ms:7.1f} ms  p99 {self.p99_ms:7.1f} ms"
            f"  {len(self.failures)} failed  generator {self.generator_cores:.3f} cores"
        )


@dataclass(frozen=True, slots=True)
class Results:
    """All measurements, those of one contestant and load in the order of the rounds.

    ``peaks_mb`` is the most memory that each of the services has held.
    """

    measurements: tuple[Measurement, ...]
    peaks_mb: Mapping[str, float]

    def of(self, contestant: str, load: str) -> list[Measurement]:
        """Return the rounds of one contestant under one load."""
        return [
            made for made in self.measurements if (made.contestant, made.load) == (contestant, load)
        ]

    def ratio(self, figure: str, load: str, contestant: str, other: str) -> Spread | None:
        """Compare a figure of two contestants round by round; None where one has none."""
        pairs = [
            (getattr(one, figure), getattr(two, figure))
            for one, two in zip(self.of(contestant, load), self.of(other, load), strict=False)
        ]
        if not pairs or not all(one and two for one, two in pairs):
            return None
        return Spread.of([one / two for one, two in pairs])

    def contestants(self) -> list[str]:
        """Return their names, in the order in which they were measured first."""
        return list(dict.fromkeys(made.contestant for made in self.measurements))

    def loads(self) -> list[str]:
        """Return all loads, in the order in which they were measured first."""
        return list(dict.fromkeys(made.load for made in self.measurements))

    def closed_loads(self) -> list[str]:
        """Return the loads that were the same for all: the bare loop has just those."""
        return list(
            dict.fromkeys(made.load for made in self.measurements if made.contestant == BARE)
        )


def at(connections: int) -> str:
    """Name the load of a closed loop."""
    return f"{connections} connection{'s' if connections > 1 else ''}"


def under(share: float) -> str:
    """Name the load of an open loop."""
    return f"{share:.0%} load"


def contest(
    servers: Mapping[str, Server], bare: BareLoop, bodies: tuple[bytes, ...], contest_: Contest
) -> Results:
    """Measure all of them, which are suspended, in turn, round by round, closed loops first.

    In the open loops that follow, requests arrive at shares of what each did at 32 connections.
    Every other round begins with the last one, so that what drifts hits all alike.
    """
    made: list[Measurement] = []

    def note(measurements: Iterable[Measurement]) -> None:
        for measurement in measurements:
            print(measurement.show(), flush=True)
            made.append(measurement)

    def plan(name: str, connections: int, arrivals_per_s: float | None = None) -> Plan:
        longer = 1 + connections / PATIENT_CONNECTIONS
        return Plan(
            url=f"{servers[name].url}/predict",
            bodies=bodies,
            connections=connections,
            warm_up_s=longer * contest_.warm_up_s,
            duration_s=longer * contest_.duration_s,
            arrivals_per_s=arrivals_per_s,
        )

    def measure(name: str, load: str, plan_: Plan) -> Measurement:
        servers[name].resume()
        measurement = _measure(name, load, plan_)
        servers[name].suspend()
        return measurement

    for name in servers:  # what they do in their first seconds is not counted
        measure(name, at(CAPACITY_CONNECTIONS), plan(name, CAPACITY_CONNECTIONS))
    for names in _turns(list(servers), contest_.rounds):
        for connections in contest_.connections:
            note(measure(name, at(connections), plan(name, connections)) for name in names)
            note([_measure_bare(bare, connections, contest_.duration_s)])
    capacity = {name: _capacity(made, name) for name in servers}
    able = [name for name in servers if capacity[name] > 0]
    for names in _turns(able, contest_.rounds):
        for share in SHARES:
            note(
                measure(name, under(share), plan(name, 0, share * capacity[name])) for name in names
            )
    return Results(tuple(made), {name: server.peak_mb() for name, server in servers.items()})


def _turns(names: Sequence[str], rounds: int) -> Iterator[Sequence[str]]:
    for number in range(rounds):
        yield names if number % 2 == 0 else names[::-1]


def _measure(name: str, load: str, plan: Plan) -> Measurement:
    outcome = generate(plan)
    return Measurement(
        contestant=name,
        load=load,
        requests_per_s=len(outcome.latencies_ms) / outcome.duration_s,
        p50_ms=percentile(outcome.latencies_ms, 0.50) if outcome.latencies_ms else None,
        p99_ms=percentile(outcome.latencies_ms, 0.99) if outcome.latencies_ms else None,
        failures=outcome.failures,
        generator_cores=outcome.cpu_s / outcome.duration_s,
    )


def _measure_bare(bare: BareLoop, connections: int, duration_s: float) -> Measurement:
    per_s = bare.texts_per_s(min(connections, MAX_BATCH), duration_s)
    return Measurement(BARE, at(connections), per_s, None, None, (), 0)


def _capacity(made: Sequence[Measurement], name: str) -> float:
    return median(
        each.requests_per_s
        for each in made
        if (each.contestant, each.load) == (name, at(CAPACITY_CONNECTIONS))
    )
