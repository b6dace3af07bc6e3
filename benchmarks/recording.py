"""The benchmark of recording: what it costs the service, and what its parts do alone."""

import json
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError

from benchmarks.comparison import Comparison, ComparisonError, compare
from benchmarks.database import claim, sqlite_url
from benchmarks.hardware import Machine
from benchmarks.loadgen import Plan
from benchmarks.model import roberta_base
from benchmarks.postgres import PostgreSQL, installed_programs
from benchmarks.settings import Settings
from benchmarks.stats import Spread, table
from benchmarks.targets import Goal
from benchmarks.texts import TextsError, read_texts
from benchmarks.writing import Appending, WritingError, measure_appending, measure_writer
from db.settings import SettingsError
from inference.model_folder import ModelFolder, ModelFolderError

ERRORS = (
    ComparisonError,
    ModelFolderError,
    SettingsError,
    SQLAlchemyError,
    TextsError,
    WritingError,
    subprocess.CalledProcessError,
)

LEAST_THROUGHPUT = 0.95  # with recording, as a share of that without
MOST_P99 = 1.05
LEAST_ROWS_PER_S = {"sqlite": 10_000, "postgresql": 5_000, "mssql": 10_000}


@dataclass(frozen=True, slots=True)
class Report:
    """All figures of a run; ``writer_rows_per_s`` has one for each kind of database."""

    machine: Machine
    model: str
    database: str
    connections: int
    comparison: Comparison
    appending: Appending
    writer_rows_per_s: dict[str, Spread]

    def goals(self) -> list[Goal]:
        """Return what was wanted, and what came of it."""
        return [
            Goal(
                "throughput, on / off", self.comparison.overall_throughput, least=LEAST_THROUGHPUT
            ),
            Goal("p99, on / off", self.comparison.overall_p99, most=MOST_P99),
            *(
                Goal(f"writer into {name}, rows/s", spread.median, least=LEAST_ROWS_PER_S[name])
                for name, spread in self.writer_rows_per_s.items()
                if name in LEAST_ROWS_PER_S
            ),
        ]

    def show(self) -> str:
        """Return it as text: medians of the rounds, between the lowest and the highest."""
        writers = [[name, spread.show(0)] for name, spread in self.writer_rows_per_s.items()]
        return "\n".join(
            (
                f"\n{self.model}, {self.connections} connections, recording into {self.database}, "
                f"on {self.machine.show()}: median (lowest .. highest)\n",
                self.comparison.show(),
                f"\nthe spool alone: {self.appending.show()}\n",
                table([["the writer alone", "rows/s"], *writers]),
                "",
                table(
                    [["goal", "measured", "wanted", ""], *(goal.show() for goal in self.goals())]
                ),
            )
        )


def run(settings: Settings) -> Report:
    """Measure all of it; what is written meanwhile is deleted, but for the model.

    Rows in a database that the settings name stay there; it is there for benchmarks alone.

    Raises what is in ERRORS.
    """
    texts = read_texts(settings.texts)
    model = settings.model or roberta_base()
    ModelFolder.read(model)
    settings.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=settings.output) as scratch:
        folder = Path(scratch)
        url = settings.database_url or sqlite_url(folder)
        claim(url)  # first, so that a bad setting ends the run now rather than in a minute
        appending = measure_appending(texts, settings.effort.append_batches, folder)
        print(f"the spool alone: {appending.show()}", flush=True)
        writers = _measure_writers(texts, settings, folder)
        comparison = compare(model, url, _plan(texts, settings), settings.effort.rounds, folder)
    return Report(
        machine=Machine.read(),
        model=model.name,
        database=make_url(url).get_backend_name(),
        connections=settings.connections,
        comparison=comparison,
        appending=appending,
        writer_rows_per_s=writers,
    )


def _measure_writers(texts: Sequence[str], settings: Settings, folder: Path) -> dict[str, Spread]:
    """Measure the writer into SQLite, PostgreSQL where it is installed, and what is named."""
    measured = {}
    with ExitStack() as stack:
        urls = {"sqlite": sqlite_url(folder / "writer")}
        if (programs := installed_programs()) is not None:
            postgres = stack.enter_context(PostgreSQL(programs))
            urls["postgresql"] = postgres.sqlalchemy_url
        if settings.database_url is not None:
            urls[make_url(settings.database_url).get_backend_name()] = settings.database_url
        for name, url in urls.items():
            measured[name] = measure_writer(url, texts, settings.effort.writing, folder)
            print(f"the writer alone into {name}: {measured[name].show(0)} rows/s", flush=True)
    return measured


def _plan(texts: Sequence[str], settings: Settings) -> Plan:
    return Plan(
        url="",
        bodies=tuple(json.dumps({"text": text}).encode() for text in texts),
        connections=settings.connections,
        warm_up_s=settings.effort.warm_up_s,
        duration_s=settings.effort.duration_s,
    )
