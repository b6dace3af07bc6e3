"""Servers that the integration tests share, each started once by a worker of pytest."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.broken_models import make_failing_model
from tests.support.rows import Rows
from tests.support.server import BENTOML, Server, put_into_store

SERVE = [BENTOML, "serve", "--port", "{port}"]


@pytest.fixture(name="environment", scope="session")
def fixture_environment(starter: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the environment of a new machine, with the starter model in its Bento store."""
    folder = tmp_path_factory.mktemp("server")
    kept = {name: os.environ[name] for name in ("HOME", "PATH", "LANG") if name in os.environ}
    environment = kept | {
        "BENTOML_DO_NOT_TRACK": "true",
        "BENTOML_HOME": str(folder / "bentoml"),
        "DATABASE_URL": f"sqlite:///{folder}/predictions.sqlite3",
        "ENV_FILE": "",
        "SPOOL_DIR": str(folder / "spool"),
        "TEST_LOG_FOLDER": str(folder),
    }
    put_into_store(starter, environment)
    return environment


@pytest.fixture(name="server", scope="session")
def fixture_server(repository: Path, environment: dict[str, str]) -> Iterator[Server]:
    """Serve the starter model from the checkout."""
    with Server(SERVE, repository, environment) as server:
        yield server


@pytest.fixture(name="faulty_server", scope="session")
def fixture_faulty_server(
    repository: Path,
    starter: Path,
    environment: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Server]:
    """Serve a model that fails on texts with ``POISON``."""
    folder = tmp_path_factory.mktemp("faulty")
    environment = environment | {"BENTOML_HOME": str(folder / "bentoml")}
    put_into_store(make_failing_model(starter, folder / "model"), environment)
    with Server(SERVE, repository, environment) as server:
        yield server


@pytest.fixture(name="rows", scope="session")
def fixture_rows(environment: dict[str, str]) -> Rows:
    """Return the rows of the servers' database."""
    return Rows(Path(environment["DATABASE_URL"].removeprefix("sqlite:///")))
