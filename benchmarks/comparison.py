"""The same service with recording and without it, under the same load in turn."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

import psutil

from benchmarks.database import count_rows
from benchmarks.loadgen import Plan, generate
from benchmarks.servers import SERVICE_TARGET, UNRECORDED_TARGET, Server, serve_bento
from benchmarks.stats import Spread, percentile, table


class ComparisonError(Exception):
    """What was measured is not what was meant to be."""


@dataclass(frozen=True, slots=True)
class Cores:
    """Who took how much of the processor; 1.0 is all of a core.

    ``idle`` is the service that is not measured meanwhile, ``others`` everybody else on this
    machine.
    """

    service: float
    generator: float
    idle: float
    others: float

    def show(self) -> str:
        """Return it in some words."""
        return (
            f"cores: service {self.service:.2f}, generator {self.generator:.2f}, "
            f"idle service {self.idle:.3f}, others {self.others:.2f}"
        )


@dataclass(frozen=True, slots=True)
class Measurement:
    """One stretch of load on one of the two services.

    ``answered`` counts what was answered while warming up, too.
    """

    is_recording: bool
    requests_per_s: float
    p50_ms: float
    p99_ms: float
    answered: int
    failures: tuple[str, ...]
    cores: Cores

    def show(self) -> str:
        """Return one line."""
        return (
            f"recording {'on ' if self.is_recording else 'off'}"
            f"  {self.requests_per_s:8.1f} requests/s"
            f"  p50 {self.p50_ms:6.1f} ms  p99 {self.p99_ms:6.1f} ms"
            f"  {self.cores.show()}"
        )


@dataclass(frozen=True, slots=True)
class Comparison:
    """All measurements, and the ratios (with recording / without) of the rounds.

    ``overall_throughput`` and ``overall_p99`` are the ratios over all rounds together: answers
    come in batches, of which a round has few, and fewer still that are slower than its p99.
    """

    measurements: tuple[Measurement, ...]
    throughput: Spread
    p50: Spread
    p99: Spread
    overall_throughput: float
    overall_p99: float

    @classmethod
    def of(
        cls, measurements: Sequence[Measurement], latencies_ms: Mapping[bool, Sequence[float]]
    ) -> "Comparison":
        """Compare measurements, each two of which are a round, in whatever order.

        ``latencies_ms`` are those of all rounds, with recording (True) and without.
        """
        rounds = [
            sorted(pair, key=lambda made: made.is_recording)
            for pair in zip(measurements[::2], measurements[1::2], strict=True)
        ]
        return cls(
            tuple(measurements),
            Spread.of([on.requests_per_s / off.requests_per_s for off, on in rounds]),
            Spread.of([on.p50_ms / off.p50_ms for off, on in rounds]),
            Spread.of([on.p99_ms / off.p99_ms for off, on in rounds]),
            sum(on.requests_per_s for _, on in rounds)
            / sum(off.requests_per_s for off, _ in rounds),
            percentile(latencies_ms[True], 0.99) / percentile(latencies_ms[False], 0.99),
        )

    def show(self) -> str:
        """Return a table."""
        rows = [["recording", "requests/s", "p50 ms", "p99 ms"]]
        for name, is_recording in (("off", False), ("on", True)):
            made = [each for each in self.measurements if each.is_recording == is_recording]
            rows.append(
                [
                    name,
                    Spread.of([each.requests_per_s for each in made]).show(1),
                    Spread.of([each.p50_ms for each in made]).show(1),
                    Spread.of([each.p99_ms for each in made]).show(1),
                ]
            )
        rows.append(["on / off", self.throughput.show(3), self.p50.show(3), self.p99.show(3)])
        overall = (f"{self.overall_throughput:.3f}", "", f"{self.overall_p99:.3f}")
        rows.append(["on / off, all rounds together", *overall])
        return table(rows)


def compare(model: Path, database_url: str, plan: Plan, rounds: int, folder: Path) -> Comparison:
    """Serve a model with recording and without, and put the load of a plan on either in turn.

    Both are alive all the time. A round begins with the one that the last ended with, so that
    what drifts meanwhile hits both alike. The plan's URL is left open.

    Raises ComparisonError where requests failed or answers were not recorded.
    """
    rows_before = count_rows(database_url)
    with (
        serve_bento(SERVICE_TARGET, model, database_url, folder / "recorded") as recorded,
        serve_bento(UNRECORDED_TARGET, model, database_url, folder / "unrecorded") as unrecorded,
    ):
        services = {True: recorded, False: unrecorded}
        first = [_measure(services, turn, plan)[0] for turn in (True, False)]
        measurements, latencies_ms = _alternate(services, plan, rounds)
    _check([*first, *measurements], count_rows(database_url) - rows_before)
    return Comparison.of(measurements, latencies_ms)


def _alternate(
    services: Mapping[bool, Server], plan: Plan, rounds: int
) -> tuple[list[Measurement], dict[bool, list[float]]]:
    """Measure both services in turn; return the measurements, and all latencies (ms) of either."""
    measurements: list[Measurement] = []
    latencies_ms: dict[bool, list[float]] = {True: [], False: []}
    for number, turn in enumerate(_turns(rounds)):
        measurement, added_ms = _measure(services, turn, plan)
        print(f"round {number // 2 + 1}/{rounds}  {measurement.show()}", flush=True)
        measurements.append(measurement)
        latencies_ms[turn] += added_ms
    return measurements, latencies_ms


def _turns(rounds: int) -> Iterator[bool]:
    for number in range(rounds):
        yield from (True, False) if number % 2 == 0 else (False, True)


def _measure(
    services: Mapping[bool, Server], is_recording: bool, plan: Plan
) -> tuple[Measurement, tuple[float, ...]]:
    """Put the load on one of the services; return what came of it, and all latencies (ms)."""
    service, idle = services[is_recording], services[not is_recording]
    before_s = (perf_counter(), machine_cpu_s(), cpu_s(service), cpu_s(idle))
    outcome = generate(replace(plan, url=f"{service.url}/predict"))
    after_s = (perf_counter(), machine_cpu_s(), cpu_s(service), cpu_s(idle))
    measurement = Measurement(
        is_recording=is_recording,
        requests_per_s=len(outcome.latencies_ms) / outcome.duration_s,
        p50_ms=percentile(outcome.latencies_ms, 0.50),
        p99_ms=percentile(outcome.latencies_ms, 0.99),
        answered=outcome.answered,
        failures=outcome.failures,
        cores=_cores(before_s, after_s, outcome.cpu_s / outcome.duration_s),
    )
    return measurement, outcome.latencies_ms


def _cores(before_s: Sequence[float], after_s: Sequence[float], generator: float) -> Cores:
    """Return the use of the processor between two readings of the clock and of its users."""
    took_s, *used_s = (after - before for before, after in zip(before_s, after_s, strict=True))
    machine, service, idle = (each_s / took_s for each_s in used_s)
    others = max(0.0, machine - service - idle - generator)
    return Cores(service=service, generator=generator, idle=idle, others=others)


def _check(measurements: Sequence[Measurement], recorded: int) -> None:
    failures = [failure for each in measurements for failure in each.failures]
    if failures:
        raise ComparisonError(f"{len(failures)} request(s) failed, the first with {failures[0]!r}")
    answered = sum(each.answered for each in measurements if each.is_recording)
    if recorded < answered:
        raise ComparisonError(f"{answered} predictions were answered, but only {recorded} recorded")


def cpu_s(server: Server) -> float:
    """Return the processor time that a server and all its workers have taken."""
    times = [process.cpu_times() for process in server.processes()]
    return float(sum(each.user + each.system for each in times))


def machine_cpu_s() -> float:
    """Return the processor time that anybody on this machine has taken."""
    times = psutil.cpu_times()
    idle = ("idle", "iowait", "guest", "guest_nice")  # guests are counted as users already
    return sum(times) - sum(getattr(times, name, 0) for name in idle)
