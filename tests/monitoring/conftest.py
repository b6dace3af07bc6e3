"""A service that a real Prometheus scrapes, and whose requests can be made to fail."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.monitoring.prometheus import Prometheus, programs_or_skip
from tests.support.broken_models import make_failing_model
from tests.support.server import BENTOML, Server, put_into_store

KEY = "a-key-of-the-tests"
KEYS = f" , {KEY}, another-key"
MAX_ROWS = 100


@pytest.fixture(name="environment", scope="package")
def fixture_environment(starter: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the environment of a service with an unusable database and a model that can fail."""
    programs_or_skip()
    folder = tmp_path_factory.mktemp("monitoring")
    kept = {name: os.environ[name] for name in ("HOME", "PATH", "LANG") if name in os.environ}
    environment = kept | {
        "API_KEYS": KEYS,
        "BENTOML_DO_NOT_TRACK": "true",
        "BENTOML_HOME": str(folder / "bentoml"),
        "DATABASE_URL": f"sqlite:///{folder}",  # a folder is no database
        "ENV_FILE": "",
        "SPOOL_DIR": str(folder / "spool"),
        "SPOOL_MAX_ROWS": str(MAX_ROWS),
        "TEST_LOG_FOLDER": str(folder),
    }
    put_into_store(make_failing_model(starter, folder / "model"), environment)
    return environment


@pytest.fixture(name="server", scope="package")
def fixture_server(repository: Path, environment: dict[str, str]) -> Iterator[Server]:
    """Start the service."""
    with Server([BENTOML, "serve", "--port", "{port}"], repository, environment) as server:
        yield server


@pytest.fixture(name="prometheus", scope="package")
def fixture_prometheus(
    server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    """Start a Prometheus that scrapes the service."""
    with Prometheus(tmp_path_factory.mktemp("prometheus"), server.port, KEYS) as prometheus:
        yield prometheus
