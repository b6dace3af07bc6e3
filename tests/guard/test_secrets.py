"""Planted secrets are in nothing that the service prints, answers, runs as or is packed into."""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import httpx
import psutil
import pytest

from tests.faulty_model import POISON, make_faulty_model
from tests.server import BENTOML, Server, eventually, free_port, put_into_store
from tests.variables import secret_variables

MARK = "planted"
SECRETS = {name: f"{MARK}-{name.lower()}" for name in sorted(secret_variables())}
# Secret or not, what is compared is in the end a URL with a password; nobody listens there.
SECRETS["DATABASE_URL"] = f"postgresql://service:{MARK}-in-a-url@127.0.0.1:{free_port()}/sentiment"
SQL_SERVER = {
    "DATABASE_URL": "",
    "DATABASE_TIMEOUT_S": "1",
    "SQL_SERVER": "127.0.0.1",
    "SQL_PORT": str(free_port()),
    "SQL_USER": "service",
}
NO_TWEETS = {"DATASET": "/nowhere", "HF_REPO_ID": "somebody/something"}
SERVE = [BENTOML, "serve", "--port", "{port}"]
COMMAND_DEADLINE_S = 120
PATIENCE_S = 60


def run(
    command: Sequence[str], folder: Path, environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, both of its streams in one."""
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=COMMAND_DEADLINE_S,
        check=False,
    )


def test_every_secret_is_planted() -> None:
    assert {"API_KEYS", "DATABASE_URL", "HF_TOKEN", "SA_PASSWORD", "SQL_PASSWORD"} < set(SECRETS)
    assert all(MARK in value for value in SECRETS.values())


def test_a_service_that_fails_in_every_way_tells_none(
    repository: Path, starter: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    environment = environment | SECRETS | {"BENTOML_HOME": str(tmp_path / "bentoml")}
    environment |= {"SPOOL_DIR": str(tmp_path / "spool")}
    put_into_store(make_faulty_model(starter, tmp_path / "model"), environment)

    with (
        Server(SERVE, repository, environment) as server,
        httpx.Client(base_url=server.url, timeout=PATIENCE_S) as client,
    ):
        key = {"X-API-Key": SECRETS["API_KEYS"]}
        answers = [
            client.post("/predict", json={"text": "fine"}, headers=key),
            client.post("/predict", json={"text": POISON}, headers=key),
            client.post("/predict", json={"txt": "fine"}, headers=key),
            client.post("/predict", json={"text": "fine"}, headers={"X-API-Key": f"{MARK}-wrong"}),
            *(client.get(path, headers=key) for path in ("/model", "/metrics", "/", "/nowhere")),
        ]
        eventually(lambda: "Connection refused" in server.log, PATIENCE_S)
        processes = [process for process in server.processes() if process.is_running()]
        arguments = [argument for process in processes for argument in process.cmdline()]
        environments = [psutil.Process(process.pid).environ() for process in processes]
        server.terminate(PATIENCE_S)

    assert [200, 500, 400, 401, 200, 200, 200, 404] == [each.status_code for each in answers]
    assert any(MARK in each.get("API_KEYS", "") for each in environments)
    assert not [each for each in arguments if MARK in each]
    assert not [each.url for each in answers if MARK in each.text + str(each.headers)]
    assert not [line for line in server.log.splitlines() if MARK in line]


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param({"SQL_PORT": "none"}, id="a number that is none"),
        pytest.param({"DATABASE_URL": f"{MARK}:/{MARK}"}, id="a URL that is none"),
        pytest.param({"DATABASE_URL": f"nosql://u:{MARK}@h/db"}, id="an unknown database"),
        pytest.param({"API_KEYS": f"{MARK}-schl\u00fcssel"}, id="a key that no header can carry"),
    ],
)
def test_a_service_that_cannot_start_tells_none(
    repository: Path, environment: dict[str, str], broken: dict[str, str]
) -> None:
    with (
        pytest.raises(AssertionError) as caught,
        Server(SERVE, repository, environment | SECRETS | broken),
    ):
        pass

    assert next(iter(broken)) in str(caught.value)
    assert MARK not in str(caught.value)


@pytest.mark.parametrize(
    ("module", "variables"),
    [
        pytest.param("db prune --older-than 90d", {}, id="pruning PostgreSQL"),
        pytest.param("db status", {}, id="status of PostgreSQL"),
        pytest.param("db prune --older-than 90d", SQL_SERVER, id="pruning SQL Server"),
        pytest.param("db status", SQL_SERVER, id="status of SQL Server"),
        pytest.param("training", NO_TWEETS, id="training"),
    ],
)
def test_a_command_that_fails_tells_none(
    repository: Path,
    environment: dict[str, str],
    tmp_path: Path,
    module: str,
    variables: dict[str, str],
) -> None:
    environment = environment | SECRETS | {"PYTHONPATH": str(repository)} | variables

    done = run([sys.executable, "-m", *module.split()], tmp_path, environment)

    assert 0 != done.returncode
    assert done.stdout
    assert MARK not in done.stdout


def test_the_bento_holds_none(
    repository: Path, starter: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    checkout = tmp_path / "checkout"
    shutil.copytree(
        repository,
        checkout,
        ignore=shutil.ignore_patterns(".git", ".venv", ".*_cache", "__pycache__", "data"),
    )
    lines = [f"{name}={value}\n" for name, value in SECRETS.items()]
    for folder in (checkout, checkout / "db"):
        (folder / ".env").write_text("".join(lines), encoding="utf-8")
    environment = environment | SECRETS | {"BENTOML_HOME": str(tmp_path / "bentoml")}
    del environment["ENV_FILE"]
    put_into_store(starter, environment)

    built = run([BENTOML, "build"], checkout, environment)

    assert 0 == built.returncode, built.stdout
    assert MARK not in built.stdout
    packed = [path for path in (tmp_path / "bentoml").rglob("*") if path.is_file()]
    assert "service.py" in {path.name for path in packed}
    assert not [path for path in packed if path.name.startswith(".env")]
    assert not [path for path in packed if MARK.encode() in path.read_bytes()]


def test_git_keeps_out_the_file_with_secrets(repository: Path) -> None:
    assert ".env" in (repository / ".gitignore").read_text(encoding="utf-8").splitlines()
