"""Fixtures of services that are killed and restarted, on databases that fail."""

import os
import random
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fault_injection.report import Report
from tests.fault_injection.restartable import Service
from tests.support.database import Database
from tests.support.postgres import running_or_skipped
from tests.support.proxy import Proxy
from tests.support.server import put_into_store
from tests.support.sql_server import SQLServerDatabase, variables_or_skip

DISK = "5m"
MakeService = Callable[..., Service]

EVERY_SERVER = pytest.mark.parametrize(
    "database",
    ["postgresql", pytest.param("SQL Server", marks=pytest.mark.sqlserver)],
    indirect=True,
)
"""Run a test that does not control the database's process on SQL Server too."""


@pytest.fixture(name="report")
def fixture_report() -> Report:
    """Return the report of the test."""
    return Report()


@pytest.fixture(name="rng")
def fixture_rng(request: pytest.FixtureRequest, report: Report) -> random.Random:
    """Return a random generator for the moments of faults, seeded by FAULTS_SEED."""
    seed = f"{os.environ.get('FAULTS_SEED', '1')}-{request.node.name}"
    report.line(f"seed {seed}")
    return random.Random(seed)


@pytest.fixture(name="bento_home", scope="session")
def fixture_bento_home(starter: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a Bento store with the starter model."""
    folder = tmp_path_factory.mktemp("bentoml")
    put_into_store(starter, _environment(folder, folder))
    return folder


@pytest.fixture(name="make_service")
def fixture_make_service(repository: Path, bento_home: Path, tmp_path: Path) -> MakeService:
    """Return a function that makes a service with its own spool, not started yet.

    Its arguments are dicts of environment variables; later ones override earlier ones.
    """
    environment = _environment(bento_home, tmp_path)
    spools = (tmp_path / f"spool-{number}" for number in range(100))

    def make_service(*variables: dict[str, str]) -> Service:
        settings = environment | {"SPOOL_DIR": str(next(spools))}
        for more in variables:
            settings |= more
        return Service(repository, settings)

    return make_service


@pytest.fixture(name="database")
def fixture_database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """Start a PostgreSQL server without tables, or set up a database on SQL Server."""
    if getattr(request, "param", "postgresql") == "postgresql":
        with running_or_skipped() as server:
            yield server
    else:
        with SQLServerDatabase(variables_or_skip()) as database:
            yield database


@pytest.fixture(name="proxy")
def fixture_proxy(database: Database) -> Iterator[Proxy]:
    """Start a proxy to the database."""
    with Proxy(database.address) as proxy:
        yield proxy


@pytest.fixture(name="small_disk")
def fixture_small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a folder that is a file system of 5 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"a small file system cannot be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture(name="small_home")
def fixture_small_home(small_disk: Path, bento_home: Path) -> Path:
    """Return a BENTOML_HOME on the small disk, where the metrics' files are too."""
    home = small_disk / "bentoml"
    home.mkdir()
    (home / "models").symlink_to(bento_home / "models")
    return home


def _environment(bento_home: Path, log_folder: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("HOME", "PATH", "LANG") if name in os.environ}
    return kept | {
        "BENTOML_DO_NOT_TRACK": "true",
        "BENTOML_HOME": str(bento_home),
        "ENV_FILE": "",
        "TEST_LOG_FOLDER": str(log_folder),
    }
