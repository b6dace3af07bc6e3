"""Servers on a Bento store, a database and a log folder of their own."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.broken_models import make_failing_model
from tests.support.rows import Rows
from tests.support.server import BENTOML, Server, put_into_store

SERVE = [BENTOML, "serve", "--port", "{port}"]


@pytest.fixture(name="environment", scope="module")
def fixture_environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the environment of a machine where nothing was set up by hand."""
    folder = tmp_path_factory.mktemp("server")
    kept = {name: os.environ[name] for name in ("HOME", "PATH", "LANG") if name in os.environ}
    return kept | {
        "BENTOML_DO_NOT_TRACK": "true",
        "BENTOML_HOME": str(folder / "bentoml"),
        "DATABASE_URL": f"sqlite:///{folder}/predictions.sqlite3",
        "ENV_FILE": "",
        "SPOOL_DIR": str(folder / "spool"),
        "TEST_LOG_FOLDER": str(folder),
    }


@pytest.fixture(name="server", scope="module")
def fixture_server(
    repository: Path, starter: Path, environment: dict[str, str]
) -> Iterator[Server]:
    """Serve the starter model from the checkout."""
    put_into_store(starter, environment)
    with Server(SERVE, repository, environment) as server:
        yield server


@pytest.fixture(name="faulty_server", scope="module")
def fixture_faulty_server(
    repository: Path,
    starter: Path,
    environment: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Server]:
    """Serve a model that fails on certain texts."""
    folder = tmp_path_factory.mktemp("faulty")
    environment = environment | {"BENTOML_HOME": str(folder / "bentoml")}
    put_into_store(make_failing_model(starter, folder / "model"), environment)
    with Server(SERVE, repository, environment) as server:
        yield server


@pytest.fixture(name="rows", scope="module")
def fixture_rows(environment: dict[str, str]) -> Rows:
    """Read the database that the servers write."""
    return Rows(Path(environment["DATABASE_URL"].removeprefix("sqlite:///")))
