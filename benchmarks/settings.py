"""What a run of benchmarks is told from outside."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.history import History
from benchmarks.texts import SAMPLES
from benchmarks.writing import Amount
from inference.starter import STARTER_FOLDER

REPOSITORY = Path(__file__).parent.parent
OUTPUT = REPOSITORY / "artifacts" / "bench"


@dataclass(frozen=True, slots=True)
class Lessons:
    """How much is trained: so many tweets in an epoch, and steps of the plain way, a round.

    ``seeds`` is how many trainings of each way have their accuracy compared.
    """

    tweets: int
    plain_steps: int
    rounds: int
    seeds: int


@dataclass(frozen=True, slots=True)
class FirstSeconds:
    """How often a service is started, and for how long it is asked from ready on and later on.

    ``later_s`` is when the later stretch begins, in seconds after ready.
    """

    starts: int
    duration_s: float
    later_s: float


@dataclass(frozen=True, slots=True)
class Contest:
    """How long and how often services are measured side by side, each at so many connections.

    ``starts`` is how often each is started, only to see how long that takes.
    """

    starts: int
    rounds: int
    connections: tuple[int, ...]
    warm_up_s: float
    duration_s: float
    first: FirstSeconds


@dataclass(frozen=True, slots=True)
class Flood:
    """How long more is asked than can be answered, and how long what can be is measured."""

    duration_s: float
    capacity_s: float


@dataclass(frozen=True, slots=True)
class Points:
    """How long and how often each point of a curve is measured."""

    rounds: int
    duration_s: float


@dataclass(frozen=True, slots=True)
class Effort:  # pylint: disable=too-many-instance-attributes  # a few for each benchmark
    """How long and how often is measured, after one such stretch that is not counted."""

    rounds: int
    warm_up_s: float
    duration_s: float
    append_batches: int
    writing: Amount
    training: Lessons
    serving: Contest
    growth: Points
    overload: Flood
    history: History


# Many short rounds rather than few long ones: the speed of a shared machine drifts by a third
# within a minute, and a ratio wants both its sides measured in the same weather.
THOROUGH = Effort(
    20,
    1,
    5,
    500,
    Amount(20_000, runs=5),
    Lessons(1000, 10, rounds=3, seeds=3),
    Contest(
        starts=5,
        rounds=3,
        connections=(1, 8, 32, 128),
        warm_up_s=2,
        duration_s=6,
        first=FirstSeconds(starts=3, duration_s=10, later_s=60),
    ),
    Points(rounds=3, duration_s=2),
    Flood(duration_s=60, capacity_s=15),
    History(rows=10_000_000, days=30, runs=20),
)
QUICK = Effort(
    2,
    0.5,
    1.5,
    50,
    Amount(2_000, runs=1),
    Lessons(64, 2, rounds=2, seeds=2),
    Contest(
        starts=1,
        rounds=2,
        connections=(1, 32),
        warm_up_s=0.5,
        duration_s=1,
        first=FirstSeconds(starts=1, duration_s=1, later_s=2),
    ),
    Points(rounds=2, duration_s=0.05),
    Flood(duration_s=2, capacity_s=3),
    History(rows=50_000, days=2, runs=3),
)


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of a run, read once.

    ``model`` is a folder, None for a random model of RoBERTa-base size; ``runtime`` what serves
    it, not checked yet; ``database_url``, which may hold a password, names a database of the
    benchmarks' own, None a new SQLite file;
    ``dataset`` a Hub id or a folder of labelled tweets, None where there are none.
    """

    benchmark: str
    model: Path | None
    runtime: str
    texts: Path
    database_url: str | None
    dataset: str | None
    output: Path
    connections: int
    effort: Effort


def read_settings(arguments: Sequence[str], environment: Mapping[str, str]) -> Settings:
    """Read the command line; MODEL, RUNTIME, TEXTS, BENCH_DATABASE_URL, DATASET of the environment.

    DATABASE_URL is the user's own, and not read.
    """
    given = _parser().parse_args(arguments)
    model = Path(environment["MODEL"]) if environment.get("MODEL") else None
    if model is None and given.quick:
        model = STARTER_FOLDER
    return Settings(
        benchmark=given.benchmark,
        model=model,
        runtime=environment.get("RUNTIME") or "openvino",
        texts=Path(environment.get("TEXTS") or SAMPLES),
        database_url=environment.get("BENCH_DATABASE_URL") or None,
        dataset=environment.get("DATASET") or None,
        output=given.output,
        connections=given.connections,
        effort=QUICK if given.quick else THOROUGH,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure the service beside others, what it does of three times as much as "
        "it can, how its cost grows, what recording costs, how long dashboards take over millions "
        "of rows, or how quick training is. The "
        "environment may name a MODEL (a folder; else one of RoBERTa-base size is made, with "
        "random weights), a DATASET of labelled tweets (else nothing is said of accuracy), TEXTS "
        "(lines of JSON with a `text`; else the tweets of DATASET, or our own samples), and, but "
        "for serving, a BENCH_DATABASE_URL: a database that is there for benchmarks alone, to "
        "record in, where the rows stay (else a new SQLite file). "
        "RUNTIME=torch has the model of serving and of overload run by torch.",
    )
    parser.add_argument(
        "benchmark",
        choices=["serving", "overload", "growth", "recording", "dashboards", "training"],
        help="of what",
    )
    parser.add_argument(
        "--quick", action="store_true", help="take seconds: the starter model, short stretches"
    )
    parser.add_argument(
        "--connections",
        type=int,
        default=32,
        metavar="N",
        help="that ask at once for recording (%(default)s)",
    )
    parser.add_argument(
        "--output", type=Path, default=OUTPUT, metavar="FOLDER", help="of the JSON (%(default)s)"
    )
    return parser
