"""Planted secrets appear in no log, response, process argument or Bento."""

import re
import shutil
import sys
from pathlib import Path

import httpx
import psutil
import pytest

from tests.support.broken_models import POISON, make_failing_model
from tests.support.hub import Hub
from tests.support.server import BENTOML, Server, eventually, free_port, put_into_store, run_command
from tests.support.setting_names import secret_setting_names

MARK = "planted"
SECRETS = {name: f"{MARK}-{name.lower()}" for name in sorted(secret_setting_names())}
# A password in a URL, with characters that end a host or a port elsewhere; the port is closed.
PASSWORD = f"{MARK}/in:a#url?{MARK}"
SECRETS["DATABASE_URL"] = f"postgresql://service:{PASSWORD}@127.0.0.1:{free_port()}/sentiment"
# URLs in which SQLAlchemy takes a part of the password for something else.
MISREAD = (
    f"postgresql://service:a@{MARK}/{MARK}@127.0.0.1/sentiment",
    f"postgresql+psycopg://service:a@{MARK}?{MARK}@127.0.0.1/sentiment",
    f"postgresql://{MARK}/{MARK}:{MARK}@127.0.0.1/sentiment",
    f"postgresql://127.0.0.1:5432/sentiment?user=service&password=a@{MARK}",
    f"postgresql://127.0.0.1/sentiment?user=service&password=a&{MARK}=a",
    f"mssql+pyodbc://service:a@{MARK}:{MARK}@127.0.0.1/sentiment?driver=FreeTDS",
    f"mysql://service:a@{MARK}#{MARK}@127.0.0.1/sentiment",
    f"sqlite://service:a@{MARK}@127.0.0.1/sentiment",
    f"sqlite:///service:a@{MARK}@127.0.0.1/sentiment",
)
BROKEN_FILES = {
    "UTF-16": f"API_KEYS={MARK}\n".encode("utf-16"),
    "UTF-16 without its mark": f"API_KEYS={MARK}\n".encode("utf-16-le"),
    "an open quote": f'API_KEYS="{MARK}\n'.encode(),
    "an invisible character": f"\u200bAPI_KEYS={MARK}\n".encode(),
    "a name alone": f"{MARK}\n".encode(),
    "a line inside quotes": f'STORE_TEXT="\nAPI_KEYS={MARK}\n"\n'.encode(),
}
COMMANDS = (
    "db status",
    "db setup",
    "db prune --older-than 90d",
    "inference.starter",
    "training",
    "training.fetch",
    "tools.replay --count 1 --wait 0.1",
)
SQL_SERVER = {
    "DATABASE_URL": "",
    "DATABASE_TIMEOUT_S": "1",
    "SQL_SERVER": "127.0.0.1",
    "SQL_PORT": str(free_port()),
    "SQL_USER": "service",
}
SERVE = [BENTOML, "serve", "--port", "{port}"]
TIMEOUT_S = 60


def test_every_secret_is_planted() -> None:
    assert {"API_KEYS", "DATABASE_URL", "HF_TOKEN", "SA_PASSWORD", "SQL_PASSWORD"} < set(SECRETS)


def test_a_failing_service_shows_no_secret(
    repository: Path, starter: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    environment = environment | SECRETS | {"BENTOML_HOME": str(tmp_path / "bentoml")}
    environment |= {"SPOOL_DIR": str(tmp_path / "spool")}
    put_into_store(make_failing_model(starter, tmp_path / "model"), environment)

    with (
        Server(SERVE, repository, environment) as server,
        httpx.Client(base_url=server.url, timeout=TIMEOUT_S) as client,
    ):
        key = {"X-API-Key": SECRETS["API_KEYS"]}
        answers = [
            client.post("/predict", json={"text": "fine"}, headers=key),
            client.post("/predict", json={"text": POISON}, headers=key),
            client.post("/predict", json={"txt": "fine"}, headers=key),
            client.post("/predict", json={"text": "fine"}, headers={"X-API-Key": f"{MARK}-wrong"}),
            *(client.get(path, headers=key) for path in ("/model", "/metrics", "/", "/nowhere")),
        ]
        eventually(lambda: "Connection refused" in server.log, TIMEOUT_S)
        processes = [process for process in server.processes() if process.is_running()]
        arguments = [argument for process in processes for argument in process.cmdline()]
        environments = [psutil.Process(process.pid).environ() for process in processes]
        server.terminate(TIMEOUT_S)

    assert [200, 500, 400, 401, 200, 200, 200, 404] == [each.status_code for each in answers]
    assert any(MARK in each.get("API_KEYS", "") for each in environments)
    assert not [each for each in arguments if MARK in each]
    assert not [each.url for each in answers if MARK in each.text + str(each.headers)]
    assert not [line for line in server.log.splitlines() if MARK in line]


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param({"SQL_PORT": "none"}, id="an invalid number"),
        pytest.param({"DATABASE_URL": f"{MARK}:/{MARK}"}, id="an invalid URL"),
        pytest.param({"DATABASE_URL": f"nosql://u:{MARK}@h/db"}, id="an unknown database"),
        pytest.param({"API_KEYS": f"{MARK}-schl\u00fcssel"}, id="a key that no header can carry"),
        pytest.param({"DATABASE_URL": MISREAD[0]}, id="an ambiguous URL"),
        pytest.param({"DATABASE_URL": MISREAD[4]}, id="a parameter that is part of a password"),
    ],
)
def test_a_failed_start_shows_no_secret(
    repository: Path, environment: dict[str, str], broken: dict[str, str]
) -> None:
    with (
        pytest.raises(AssertionError) as caught,
        Server(SERVE, repository, environment | SECRETS | broken),
    ):
        pass

    assert next(iter(broken)) in str(caught.value)
    assert MARK not in str(caught.value)


@pytest.mark.parametrize("broken", [each for each in BROKEN_FILES if "without" not in each])
def test_a_service_whose_env_file_cannot_be_read_says_so_in_a_line(
    repository: Path, environment: dict[str, str], tmp_path: Path, broken: str
) -> None:
    path = tmp_path / "settings"
    path.write_bytes(BROKEN_FILES[broken])

    done = run_command(
        [BENTOML, "serve", "--port", str(free_port())],
        repository,
        environment | {"ENV_FILE": str(path)},
    )

    assert 0 != done.returncode
    assert f"{path} " in done.stdout.splitlines()[-1]
    assert "Traceback" not in done.stdout
    assert MARK not in done.stdout


@pytest.mark.parametrize(
    ("command", "broken"),
    [
        *((command, "UTF-16") for command in COMMANDS),
        *((command, "UTF-16 without its mark") for command in COMMANDS[::3]),  # of each package
        *((command, "an open quote") for command in COMMANDS[::3]),
    ],
)
def test_a_command_whose_env_file_cannot_be_read_says_so_in_a_line(
    repository: Path,
    environment: dict[str, str],
    tmp_path: Path,
    command: str,
    broken: str,
) -> None:
    path = tmp_path / "settings"
    path.write_bytes(BROKEN_FILES[broken])

    done = run_command(
        [sys.executable, "-m", *command.split()],
        repository,
        environment | {"ENV_FILE": str(path)},
    )

    assert 1 == done.returncode
    (message,) = done.stdout.splitlines()
    assert message.startswith(f"{path} ")
    assert MARK not in message


@pytest.mark.parametrize(
    ("command", "url"),
    [
        *(("db setup", url) for url in MISREAD),
        ("db status", MISREAD[0]),
        ("training", MISREAD[0]),
        ("benchmarks recording --quick", MISREAD[0]),
    ],
)
def test_a_command_with_an_ambiguous_url_shows_no_secret(
    repository: Path, environment: dict[str, str], command: str, url: str
) -> None:
    urls = {"DATABASE_URL": url, "BENCH_DATABASE_URL": url}

    done = run_command(
        [sys.executable, "-m", *command.split()], repository, environment | SECRETS | urls
    )

    assert 1 == done.returncode
    assert "percent-encode @" in done.stdout
    assert MARK not in done.stdout


def test_setup_rejects_a_password_that_grafanas_driver_cannot_use(
    repository: Path, environment: dict[str, str]
) -> None:
    broken = {"GRAFANA_READER_PASSWORD": f"{MARK};{MARK}"}
    environment = environment | SECRETS | SQL_SERVER | broken

    done = run_command([sys.executable, "-m", "db", "setup"], repository, environment)

    assert 1 == done.returncode
    (message,) = done.stdout.splitlines()
    assert message.startswith("GRAFANA_READER_PASSWORD contains ;")
    assert MARK not in message


@pytest.mark.parametrize("command", ["status", "prune --older-than 90d"])
@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        pytest.param({}, "refused", id="PostgreSQL"),
        # The driver's message, or ours if no driver is installed.
        pytest.param(SQL_SERVER, "SQLDriverConnect|SQL_(SERVER|DRIVER)", id="SQL Server"),
    ],
)
def test_a_command_without_its_database_shows_no_secret(
    repository: Path,
    environment: dict[str, str],
    command: str,
    variables: dict[str, str],
    reason: str,
) -> None:
    environment = environment | SECRETS | variables

    done = run_command([sys.executable, "-m", "db", *command.split()], repository, environment)

    assert 1 == done.returncode
    assert re.search(reason, done.stdout), done.stdout
    assert MARK not in done.stdout


def test_a_rejected_hub_token_is_not_shown(
    repository: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    with Hub() as hub:
        hub.create("somebody/private", is_private=True)
        variables = hub.environment(tmp_path, SECRETS["HF_TOKEN"])
        environment = environment | SECRETS | variables | {"HF_REPO_ID": "somebody/private"}
        command = [sys.executable, "-m", "training.fetch"]

        done = run_command(command, repository, environment)

    assert 1 == done.returncode
    assert "HF_TOKEN" in done.stdout
    assert MARK not in done.stdout


def test_a_bento_has_no_secret(
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

    built = run_command([BENTOML, "build"], checkout, environment)

    assert 0 == built.returncode, built.stdout
    assert MARK not in built.stdout
    packed = [path for path in (tmp_path / "bentoml").rglob("*") if path.is_file()]
    assert "service.py" in {path.name for path in packed}
    assert not [path for path in packed if path.name.startswith(".env")]
    assert not [path for path in packed if MARK.encode() in path.read_bytes()]


def test_git_ignores_the_env_file(repository: Path) -> None:
    assert ".env" in (repository / ".gitignore").read_text(encoding="utf-8").splitlines()
