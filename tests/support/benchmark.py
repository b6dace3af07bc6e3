"""The benchmarks' command, without the developer's own settings."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

RUN_WITHIN_S = 300
SETTINGS = {"BENCH_DATABASE_URL", "DATABASE_URL", "DATASET", "MODEL", "RUNTIME", "TEXTS"}


def run(arguments: list[str], repository: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run the benchmarks' command, without the developer's own settings."""
    environment = {name: os.environ[name] for name in os.environ if name not in SETTINGS}
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments],
        cwd=repository,
        env=environment | {"ENV_FILE": ""} | more,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=RUN_WITHIN_S,
        check=False,
    )


def print_of(benchmark: str, repository: Path, output: Path, **more: str) -> str:
    """Run one benchmark, quickly, into a folder; return what it printed."""
    done = run([benchmark, "--quick", "--output", str(output)], repository, **more)
    assert 0 == done.returncode, done.stdout
    return done.stdout


def figures_of(benchmark: str, output: Path, printed: str) -> dict[str, Any]:
    """Read what the run of one benchmark has written to its folder."""
    path = output / f"{benchmark}.json"
    assert f"All figures: {path}" in printed
    return json.loads(path.read_text(encoding="utf-8"))
