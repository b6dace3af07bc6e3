"""A real Prometheus of Debian's package, started like the one in compose."""

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
START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 30
PROGRAMS = ("prometheus", "promtool")


def programs_or_skip() -> None:
    """Skip the test if Prometheus is not installed."""
    if missing := [name for name in PROGRAMS if shutil.which(name) is None]:
        pytest.skip(f"{', '.join(missing)}: not installed (Debian's package prometheus)")


def compose_service() -> dict[str, Any]:
    """Return the service `prometheus` of the compose file."""
    content = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text(encoding="utf-8"))
    return content["services"]["prometheus"]


class Prometheus:
    """Prometheus with the committed start script and configuration; it ends with the context.

    Only paths, the service's address and the scrape interval differ from compose.
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
        substitutions = self._substitutions()
        configuration = self._folder / "prometheus.yml"
        text = (FOLDER / "prometheus.yml").read_text(encoding="utf-8")
        configuration.write_text(_replaced(text, substitutions), encoding="utf-8")
        command = [_replaced(word, substitutions) for word in compose_service()["command"]]
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
        eventually(self._is_ready_or_dead, START_TIMEOUT_S)
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(STOP_TIMEOUT_S)

    @property
    def log(self) -> str:
        """Return its log."""
        return (self._folder / "prometheus.log").read_text(encoding="utf-8")

    def query(self, expression: str) -> list[float]:
        """Return the current value of each series of an expression.

        Raises AssertionError if Prometheus refuses the expression.
        """
        answer = httpx.get(f"{self.url}/api/v1/query", params={"query": expression})
        assert 200 == answer.status_code, answer.text
        return [float(series["value"][1]) for series in answer.json()["data"]["result"]]

    def value(self, expression: str) -> float:
        """Return the value of an expression with one series, NaN for none or several."""
        found = self.query(expression)
        return found[0] if len(found) == 1 else float("nan")

    def _substitutions(self) -> dict[str, str]:
        return {
            "/bin/prometheus": "prometheus",
            "/etc/prometheus/prometheus.yml": str(self._folder / "prometheus.yml"),
            "path=/prometheus": f"path={self._folder / 'data'}",
            compose_service()["environment"]["KEY_FILE"]: str(self.key_file),
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


def _replaced(text: str, substitutions: dict[str, str]) -> str:
    for committed, substitute in substitutions.items():
        text = text.replace(committed, substitute)
    return text


def promtool(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run promtool, or skip; ``stdout`` holds its whole output."""
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
