"""One service that all tests here attack, and a healthy client that it must go on serving."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.security.healthy_client import HealthyClient
from tests.support.rows import Rows
from tests.support.server import BENTOML, Server, put_into_store

KEY = "a-key-of-the-tests"


@pytest.fixture(name="environment", scope="package")
def fixture_environment(starter: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the environment of a service with a key, the starter model and a SQLite file."""
    folder = tmp_path_factory.mktemp("security")
    kept = {name: os.environ[name] for name in ("HOME", "PATH", "LANG") if name in os.environ}
    environment = kept | {
        "API_KEYS": f"another-key,{KEY}",
        "BENTOML_DO_NOT_TRACK": "true",
        "BENTOML_HOME": str(folder / "bentoml"),
        "DATABASE_URL": f"sqlite:///{folder}/predictions.sqlite3",
        "ENV_FILE": "",
        "SPOOL_DIR": str(folder / "spool"),
        "TEST_LOG_FOLDER": str(folder),
    }
    put_into_store(starter, environment)
    return environment


@pytest.fixture(name="server", scope="package")
def fixture_server(repository: Path, environment: dict[str, str]) -> Iterator[Server]:
    """Serve the starter model from the checkout."""
    with Server([BENTOML, "serve", "--port", "{port}"], repository, environment) as server:
        yield server


@pytest.fixture(name="healthy_client")
def fixture_healthy_client(server: Server) -> Iterator[HealthyClient]:
    """Send valid requests while a test runs; all must be answered 200."""
    with HealthyClient(server.url, KEY) as client:
        yield client
    assert {200} == set(client.statuses)


@pytest.fixture(name="rows", scope="package")
def fixture_rows(environment: dict[str, str]) -> Rows:
    """Read the database that the service writes."""
    return Rows(Path(environment["DATABASE_URL"].removeprefix("sqlite:///")))
