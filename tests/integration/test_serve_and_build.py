"""The README's commands serve, stop and build; wrong settings stop the start."""

import http.client
import json
import re
import socket
from pathlib import Path

import httpx
import psutil
import pytest

from inference.runtime import HUGE_PAGES
from tests.support.rows import Rows
from tests.support.server import (
    BENTOML,
    Server,
    eventually,
    free_port,
    put_into_store,
    run_command,
)

STOP_WITHIN_S = 20
HALF_A_REQUEST = (
    b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Content-Length: 100\r\n\r\n{"
)


@pytest.fixture(name="fresh")
def fixture_fresh(environment: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """Return an environment with an empty Bento store."""
    return environment | {
        "BENTOML_HOME": str(tmp_path / "bentoml"),
        "DATABASE_URL": f"sqlite:///{tmp_path}/predictions.sqlite3",
        "SPOOL_DIR": str(tmp_path / "spool"),
        "TEST_LOG_FOLDER": str(tmp_path),
    }


def is_listening(port: int) -> bool:
    """Return whether a service answers on a port of the loopback."""
    try:
        httpx.get(f"http://127.0.0.1:{port}/livez", timeout=5)
    except httpx.ConnectError:
        return False
    return True


def is_running(process: psutil.Process) -> bool:
    """Return whether a process is running."""
    return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)


def test_make_serve_imports_the_starter_and_sigterm_ends_all_processes(
    repository: Path, fresh: dict[str, str], tmp_path: Path
) -> None:
    with Server(["make", "serve", "PORT={port}"], repository, fresh) as server:
        answer = httpx.post(f"{server.url}/predict", json={"text": "Beautiful post!!!"}).json()
        processes = server.processes()
        server.terminate(STOP_WITHIN_S)
        eventually(lambda: not any(map(is_running, processes)), STOP_WITHIN_S)

    assert len(processes) >= 3  # make, bentoml, a worker
    assert "positive" == answer["label"]
    assert "imported the starter model as sentiment:" in server.log
    assert not is_listening(server.port)
    assert ["Beautiful post!!!"] == [
        row["text"] for row in Rows(tmp_path / "predictions.sqlite3").all()
    ]


def test_sigterm_ends_bentoml_serve_with_status_0(
    repository: Path, environment: dict[str, str], server: Server
) -> None:
    with Server(server.command, repository, environment) as another:
        httpx.post(f"{another.url}/predict", json={"text": "bye"})
        status = another.terminate(STOP_WITHIN_S)

    assert 0 == status
    assert not is_listening(another.port)


@pytest.mark.slow
def test_sigterm_ends_bentoml_serve_during_an_incomplete_request(
    repository: Path, environment: dict[str, str], server: Server
) -> None:
    with (
        Server(server.command, repository, environment) as another,
        socket.create_connection(("127.0.0.1", another.port)) as slow,
    ):
        slow.sendall(HALF_A_REQUEST)
        httpx.get(f"{another.url}/readyz")  # the half request arrived before
        status = another.terminate(STOP_WITHIN_S + 10)  # bentoml waits for the body

    assert 0 == status


def test_the_worker_uses_huge_pages(server: Server) -> None:
    _, *workers = server.processes()

    assert [True] == [HUGE_PAGES.items() <= worker.environ().items() for worker in workers]


def test_a_client_that_sends_everything_before_it_reads_gets_413(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    headers = {"Content-Type": "application/json"}

    connection.request("POST", "/predict", body=b" " * (5 << 20), headers=headers)
    status = connection.getresponse().status
    connection.close()

    assert 413 == status


def test_bentoml_serve_without_a_model_names_the_commands_that_add_one(
    repository: Path, fresh: dict[str, str]
) -> None:
    done = run_command([BENTOML, "serve", "--port", str(free_port())], repository, fresh)

    assert 0 != done.returncode
    assert "`make serve`" in done.stdout
    assert "`make model`" in done.stdout
    assert "Traceback" not in done.stdout


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("STORE_TEXT=perhaps", "STORE_TEXT = 'perhaps' is not valid"),
        ("DATABASE_URL=nosuch://host/db", "DATABASE_URL or SQL_SERVER names a database"),
        ("DATABASE_URL=sqlite:////dev/null/x.sqlite3", "DATABASE_URL or SQL_SERVER names"),
        ("SPOOL_DIR=/dev/null/spool", "SPOOL_DIR = '/dev/null/spool' is not a writable folder"),
        ("SPOOL_MAX_ROWS=0", "SPOOL_MAX_ROWS = '0' is not valid"),
        ("MODEL_TAG=Bad Tag!", "MODEL_TAG = 'Bad Tag!' is not a valid tag"),
        ("RUNTIME=tensorflow", "RUNTIME = 'tensorflow' is unknown"),
        ("RUNTIME=torch", "RUNTIME=torch is set"),  # the starter is stored without its weights
    ],
)
def test_an_invalid_setting_stops_the_start_with_its_name(
    repository: Path, environment: dict[str, str], setting: str, message: str
) -> None:
    variable, _, value = setting.partition("=")
    command = [BENTOML, "serve", "--port", str(free_port())]

    done = run_command(command, repository, environment | {variable: value})

    assert 0 != done.returncode
    assert message in done.stdout
    assert "Traceback" not in done.stdout


@pytest.mark.parametrize("name", ["openvino_model.xml", "openvino_model.bin"])
def test_a_missing_file_of_the_model_stops_the_start(
    repository: Path, starter: Path, fresh: dict[str, str], name: str
) -> None:
    put_into_store(starter, fresh)
    for graph in Path(fresh["BENTOML_HOME"]).rglob(name):
        graph.unlink()

    done = run_command([BENTOML, "serve", "--port", str(free_port())], repository, fresh)

    assert 0 != done.returncode
    assert f"it has no {name}" in done.stdout


def test_a_password_in_the_database_url_is_not_logged(
    repository: Path, environment: dict[str, str], server: Server, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/predictions.sqlite3?password=hunter2&uri=true"

    with Server(server.command, repository, environment | {"DATABASE_URL": url}) as another:
        assert f"predictions are recorded in sqlite: {tmp_path}" in another.log
        assert "hunter2" not in another.log


@pytest.mark.slow
def test_a_bento_serves_its_own_model_outside_the_checkout(
    repository: Path, starter: Path, fresh: dict[str, str], tmp_path: Path
) -> None:
    built = run_command(["make", "bento"], repository, fresh)
    assert 0 == built.returncode, built.stdout
    packed = re.search(r"imported the starter model as (sentiment:\w+)", built.stdout)
    put_into_store(starter, fresh)  # newer, must be ignored
    listed = run_command([BENTOML, "list", "--output", "json"], repository, fresh)
    (bento,) = json.loads(listed.stdout)
    folder = tmp_path / "empty"
    folder.mkdir()
    settings = {
        name: value for name, value in fresh.items() if name not in ("DATABASE_URL", "SPOOL_DIR")
    }

    with Server([BENTOML, "serve", bento["tag"], "--port", "{port}"], folder, settings) as server:
        answer = httpx.post(f"{server.url}/predict", json={"text": "Beautiful post!!!"}).json()
        description = httpx.get(f"{server.url}/model").json()
        server.terminate(STOP_WITHIN_S)

    assert "positive" == answer["label"]
    assert packed is not None
    assert packed[1] == description["tag"]
    assert 1 == len(Rows(folder / "data" / "predictions.sqlite3").all())
    assert not list((folder / "data" / "spool").iterdir())
