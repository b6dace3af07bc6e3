"""Settings of a benchmark, and its two profiles: full and quick."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.texts import REPOSITORY, SAMPLES
from inference.starter import STARTER_FOLDER

OUTPUT = REPOSITORY / "artifacts" / "bench"
BENCHMARKS = (
    "serving",
    "overload",
    "scaling",
    "recording",
    "dashboards",
    "training",
    "patches",
)
OLD_NAMES = {"growth": "scaling"}


@dataclass(frozen=True, slots=True)
class FirstSecondsConfig:
    """Requests right after ready: number of starts, seconds of load, and when it is repeated.

    ``later_s`` is in seconds after ready.
    """

    starts: int
    duration_s: float
    later_s: float


@dataclass(frozen=True, slots=True)
class ServingConfig:
    """Numbers of start-ups and of rounds, connections of each load, and its durations."""

    starts: int
    rounds: int
    connections: tuple[int, ...]
    warm_up_s: float
    duration_s: float
    first: FirstSecondsConfig


@dataclass(frozen=True, slots=True)
class OverloadConfig:
    """Durations of the overload, and of each measurement of the capacity."""

    duration_s: float
    capacity_s: float


@dataclass(frozen=True, slots=True)
class ScalingConfig:
    """Rounds, and the duration of each point of a curve in a round."""

    rounds: int
    duration_s: float


@dataclass(frozen=True, slots=True)
class RecordingConfig:
    """Rounds and durations of the load, batches for the spool alone, rows for the writer alone.

    ``writer_rows`` are written ``writer_runs`` times.
    """

    rounds: int
    warm_up_s: float
    duration_s: float
    spool_batches: int
    writer_rows: int
    writer_runs: int


@dataclass(frozen=True, slots=True)
class DashboardsConfig:
    """Rows spread over days, and how often each query runs."""

    rows: int
    days: int
    runs: int


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """Tweets of an epoch, steps of the baseline, rounds, and seeds whose accuracy is compared."""

    tweets: int
    baseline_steps: int
    rounds: int
    seeds: int


@dataclass(frozen=True, slots=True)
class PatchesConfig:
    """Rounds, connections of each load, and the durations of each."""

    rounds: int
    connections: tuple[int, ...]
    warm_up_s: float
    duration_s: float


@dataclass(frozen=True, slots=True)
class Profile:
    """How long and how often each benchmark measures."""

    serving: ServingConfig
    overload: OverloadConfig
    scaling: ScalingConfig
    recording: RecordingConfig
    dashboards: DashboardsConfig
    training: TrainingConfig
    patches: PatchesConfig


# Many short rounds rather than few long ones: a shared machine's speed drifts by a third within a
# minute, and both sides of a ratio have to be measured under the same conditions.
FULL = Profile(
    ServingConfig(
        starts=5,
        rounds=3,
        connections=(1, 8, 32, 128),
        warm_up_s=2,
        duration_s=6,
        first=FirstSecondsConfig(starts=3, duration_s=10, later_s=60),
    ),
    OverloadConfig(duration_s=60, capacity_s=15),
    ScalingConfig(rounds=3, duration_s=2),
    RecordingConfig(
        rounds=20,
        warm_up_s=1,
        duration_s=5,
        spool_batches=500,
        writer_rows=20_000,
        writer_runs=5,
    ),
    DashboardsConfig(rows=10_000_000, days=30, runs=20),
    TrainingConfig(tweets=1000, baseline_steps=10, rounds=3, seeds=3),
    PatchesConfig(rounds=3, connections=(1, 32, 128), warm_up_s=0.5, duration_s=2),
)
QUICK = Profile(
    ServingConfig(
        starts=1,
        rounds=2,
        connections=(1, 32),
        warm_up_s=0.5,
        duration_s=1,
        first=FirstSecondsConfig(starts=1, duration_s=1, later_s=2),
    ),
    OverloadConfig(duration_s=2, capacity_s=3),
    ScalingConfig(rounds=2, duration_s=0.05),
    RecordingConfig(
        rounds=2, warm_up_s=0.5, duration_s=1.5, spool_batches=50, writer_rows=2_000, writer_runs=1
    ),
    DashboardsConfig(rows=50_000, days=2, runs=3),
    TrainingConfig(tweets=64, baseline_steps=2, rounds=2, seeds=2),
    PatchesConfig(rounds=1, connections=(32,), warm_up_s=0.5, duration_s=1),
)


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of a run.

    ``model`` is a folder, None for a random model of RoBERTa-base size. ``database_url``, which may
    hold a password, is a database for benchmarks alone, None for a new SQLite file. ``dataset`` is
    a Hub id or a folder of labelled tweets. ``runtime`` is not validated yet.
    """

    benchmark: str
    model: Path | None
    runtime: str
    texts: Path
    database_url: str | None
    dataset: str | None
    output: Path
    connections: int
    profile: Profile


def read_settings(arguments: Sequence[str], environment: Mapping[str, str]) -> Settings:
    """Return the settings of the command line and the environment.

    DATABASE_URL is not read: it is the user's own database.
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
        profile=QUICK if given.quick else FULL,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure the service beside other systems (serving), at three times its "
        "capacity (overload), by text length and batch size (scaling), with and without recording "
        "(recording), Grafana's queries over millions of rows (dashboards), training, or the "
        "gain of each patch of BentoML and uvicorn (patches).",
        epilog="Environment variables: MODEL, a model folder (default: random weights of "
        "RoBERTa-base size); DATASET, labelled tweets (default: no accuracy is measured); TEXTS, "
        "JSON lines with a `text` (default: the tweets of DATASET, or samples/tweets.jsonl); "
        "BENCH_DATABASE_URL, a database for benchmarks alone, in which the rows stay (default: a "
        "new SQLite file); RUNTIME=torch for serving and overload.",
    )
    parser.add_argument(
        "benchmark",
        type=lambda name: OLD_NAMES.get(name, name),
        choices=BENCHMARKS,
        help="what to measure",
    )
    parser.add_argument(
        "--quick", action="store_true", help="take seconds: the starter model, short durations"
    )
    parser.add_argument(
        "--connections",
        type=int,
        default=32,
        metavar="N",
        help="connections of `recording` (%(default)s)",
    )
    parser.add_argument(
        "--output", type=Path, default=OUTPUT, metavar="FOLDER", help="for results (%(default)s)"
    )
    return parser
