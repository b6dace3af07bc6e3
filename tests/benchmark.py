"""The benchmarks' command, without the developer's own settings."""

import os
import subprocess
import sys
from pathlib import Path

RUN_WITHIN_S = 300
SETTINGS = {"DATABASE_URL", "DATASET", "MODEL", "TEXTS"}


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
