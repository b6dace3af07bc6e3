"""A real Prometheus of Debian's package, started as compose starts the one of its image."""

import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.support.server import REPOSITORY, eventually, free_port

FOLDER = REPOSITORY / "grafana" / "prometheus"
TARGET = "api:3000"
INTERVAL_S = 1
START_DEADLINE_S = 60
STOP_DEADLINE_S = 30
PROGRAMS = ("prometheus", "promtool")


def programs_or_skip() -> None:
    """Skip the test if Prometheus is not installed."""
    if missing := [name for name in PROGRAMS if shutil.which(name) is None]:
        pytest.skip(f"{', '.join(missing)}: not installed (Debian's package prometheus)")


def composed() -> dict[str, Any]:
    """Return the service `prometheus` of the compose file."""
    content = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text(encoding="utf-8"))
    return content["services"]["prometheus"]


class Prometheus:
    """Prometheus with the committed start script and configuration; it ends with the context.

    Only the places differ from compose, the address of the service and the interval of scrapes.
    """

    def __init__(self, folder: Path, service_port: int, api_keys: str) -> None:
        programs_or_skip()
        self.url = f"http://127.0.0.1:{free_port()}"
        self.key_file = folder / "api_key"
        self._folder = folder
        self._service_port = service_port
        self._api_keys = api_keys
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Prometheus":
        places = self._places()
        configuration = self._folder / "prometheus.yml"
        text = (FOLDER / "prometheus.yml").read_text(encoding="utf-8")
        configuration.write_text(_replaced(text, places), encoding="utf-8")
        command = [_replaced(word, places) for word in composed()["command"]]
        environment = {
            "PATH": os.environ["PATH"],
            "API_KEYS": self._api_keys,
            "KEY_FILE": str(self.key_file),
        }
        with (self._folder / "prometheus.log").open("wb") as log:
            # pylint: disable-next=consider-using-with  # ended in __exit__
            self.process = subprocess.Popen(
                ["sh", str(FOLDER / "start.sh"), *command, f"--web.listen-address={self.url[7:]}"],
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        eventually(self._is_ready_or_dead, START_DEADLINE_S)
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(STOP_DEADLINE_S)

    @property
    def log(self) -> str:
        """Return all that it has printed."""
        return (self._folder / "prometheus.log").read_text(encoding="utf-8")

    def ask(self, expression: str) -> list[float]:
        """Return the value of each series that an expression finds now.

        Raises AssertionError if Prometheus refuses the expression.
        """
        answer = httpx.get(f"{self.url}/api/v1/query", params={"query": expression})
        assert 200 == answer.status_code, answer.text
        return [float(series["value"][1]) for series in answer.json()["data"]["result"]]

    def number(self, expression: str) -> float:
        """Return the one value of an expression, NaN if it finds no series or several."""
        found = self.ask(expression)
        return found[0] if len(found) == 1 else float("nan")

    def _places(self) -> dict[str, str]:
        return {
            "/bin/prometheus": "prometheus",
            "/etc/prometheus/prometheus.yml": str(self._folder / "prometheus.yml"),
            "path=/prometheus": f"path={self._folder / 'data'}",
            composed()["environment"]["KEY_FILE"]: str(self.key_file),
            TARGET: f"127.0.0.1:{self._service_port}",
            "scrape_interval: 15s": f"scrape_interval: {INTERVAL_S}s",
            "scrape_timeout: 10s": f"scrape_timeout: {INTERVAL_S}s",
        }

    def _is_ready_or_dead(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log
        try:
            return httpx.get(f"{self.url}/-/ready", timeout=5).status_code == 200
        except httpx.TransportError:
            return False


def _replaced(text: str, places: dict[str, str]) -> str:
    for committed, here in places.items():
        text = text.replace(committed, here)
    return text


def promtool(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run promtool, or skip; what it prints comes back in one text."""
    programs_or_skip()
    return subprocess.run(
        ["promtool", *words],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
