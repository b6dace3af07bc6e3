"""Commands of docker and compose."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx

from tests.support.server import eventually, free_port

READY_TIMEOUT_S = 60
COMMAND_TIMEOUT_S = 600
SPOOL_BOUNDS = ("SPOOL_MAX_ROWS", "SPOOL_MAX_MB")


def command(
    *words: str, variables: Mapping[str, str] | None = None, folder: Path | None = None
) -> str:
    """Run a command; return its output. Raises AssertionError if it fails."""
    done = attempt(*words, variables=variables, folder=folder)
    assert 0 == done.returncode, done.stdout
    return done.stdout


def attempt(
    *words: str, variables: Mapping[str, str] | None = None, folder: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command; ``stdout`` holds its whole output."""
    return subprocess.run(
        words,
        cwd=folder,
        env={**os.environ, **(variables or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=COMMAND_TIMEOUT_S,
        check=False,
    )


def inspect(name: str) -> dict[str, Any]:
    """Return Docker's description of an image or a container."""
    (found,) = json.loads(command("docker", "inspect", name))
    return found


class EmbeddedStack:
    """`docker-compose.embedded.yml` as a separate project, removed with the context."""

    def __init__(self, repository: Path, image: str) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._repository = repository
        self._project = f"sentiment-test-{port}"
        self._variables = {  # overrides the developer's .env
            "IMAGE": image,
            "API_PORT_MAPPING": f"127.0.0.1:{port}:3000",
            **dict.fromkeys(("API_KEYS", "PUBLIC_PATHS", "STORE_TEXT", *SPOOL_BOUNDS), ""),
        }

    def __enter__(self) -> "EmbeddedStack":
        return self

    def __exit__(self, *_: object) -> None:
        self.compose("down", "--volumes")

    def compose(self, *words: str) -> str:
        """Run a command of compose; return its output."""
        return command(
            *compose_program(),
            "--project-name",
            self._project,
            "--file",
            "docker-compose.embedded.yml",
            *words,
            variables=self._variables,
            folder=self._repository,
        )

    def start(self) -> float:
        """Start the service; return the seconds until it was ready."""
        start_s = time.monotonic()
        self.compose("up", "-d", "--build")
        eventually(self._is_ready, READY_TIMEOUT_S)
        return time.monotonic() - start_s

    @property
    def container(self) -> str:
        """Return the id of the service's container, running or not."""
        project = f"label=com.docker.compose.project={self._project}"
        return command("docker", "ps", "--all", "--quiet", "--filter", project).strip()

    def predict(self, text: str) -> UUID:
        """Request a prediction; return the id of its row."""
        answer = httpx.post(f"{self.url}/predict", json={"text": text}, timeout=30)
        assert 200 == answer.status_code, answer.text
        return UUID(answer.headers["X-Prediction-Id"])

    def stored(self) -> set[UUID]:
        """Return the ids of the rows in the container's database."""
        query = (
            "import sqlite3; "
            "[print(row[0]) for row in sqlite3.connect('data/predictions.sqlite3')"
            ".execute('SELECT id FROM metrics')]"
        )
        printed = command("docker", "exec", self.container, "python3", "-c", query)
        return set(map(UUID, printed.split()))

    def _is_ready(self) -> bool:
        try:
            return 200 == httpx.get(f"{self.url}/readyz", timeout=5).status_code
        except httpx.HTTPError:
            return False


def compose_program() -> list[str]:
    """Return the command of compose 2 if it is installed, otherwise of 1.29."""
    if 0 == attempt("docker", "compose", "version").returncode:
        return ["docker", "compose"]
    assert shutil.which("docker-compose"), "compose is not installed"
    return ["docker-compose"]
