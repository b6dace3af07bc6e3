"""A real server process, and commands, started as a user would start them."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import servers
from benchmarks.servers import (
    BENTOML,
    READY_TIMEOUT_S,
    REPOSITORY,
    eventually,
    free_port,
    put_into_store,
)

__all__ = [
    "BENTOML",
    "READY_TIMEOUT_S",
    "REPOSITORY",
    "Server",
    "eventually",
    "free_port",
    "put_into_store",
    "run_command",
    "run_python",
]

COMMAND_TIMEOUT_S = 300


class Server(servers.Server):
    """A server that logs into the folder TEST_LOG_FOLDER of its environment."""

    def __init__(
        self, command: Sequence[str], cwd: Path, env: dict[str, str], port: int | None = None
    ) -> None:
        super().__init__(command, cwd, env, Path(env["TEST_LOG_FOLDER"]), port)


def run_command(
    command: Sequence[str], cwd: Path, env: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run a command; ``stdout`` holds its whole output."""
    return subprocess.run(
        command,
        cwd=cwd,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=COMMAND_TIMEOUT_S,
        check=False,
    )


def run_python(arguments: Sequence[str], env: dict[str, str]) -> str:
    """Run this Python in the checkout; return its output. Raises AssertionError if it fails."""
    command = [sys.executable, *arguments]
    done = subprocess.run(
        command,
        cwd=REPOSITORY,
        env=env,
        capture_output=True,
        text=True,
        timeout=COMMAND_TIMEOUT_S,
        check=False,
    )
    if done.returncode != 0:
        raise AssertionError(f"{command} failed:\n{done.stdout}{done.stderr}")
    return done.stdout
