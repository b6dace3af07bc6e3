"""The command `python -m benchmarks`, without the developer's own settings."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.servers import REPOSITORY

TIMEOUT_S = 300
SETTINGS = {"BENCH_DATABASE_URL", "DATABASE_URL", "DATASET", "MODEL", "RUNTIME", "TEXTS"}


@dataclass(frozen=True)
class QuickRun:
    """What a quick run printed, and the results that it wrote."""

    printed: str
    results: dict[str, Any]


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command; ``stdout`` holds its whole output."""
    kept = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments],
        cwd=REPOSITORY,
        env=kept | {"ENV_FILE": ""} | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


def quick_run(benchmark: str, output: Path, **variables: str) -> QuickRun:
    """Run a benchmark with ``--quick``, which writes its results to a folder."""
    done = run(benchmark, "--quick", "--output", str(output), **variables)
    assert 0 == done.returncode, done.stdout
    path = output / f"{benchmark}.json"
    assert f"Results: {path}" in done.stdout
    return QuickRun(done.stdout, json.loads(path.read_text(encoding="utf-8")))
