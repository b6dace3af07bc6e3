"""Killing `bentoml serve` ends its workers; failed starts end with one line."""

import json
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from tests.support.rows import Rows
from tests.support.server import BENTOML, Server, eventually, free_port, put_into_store, run_command

SERVE = [BENTOML, "serve", "--port", "{port}"]
ENDED_WITHIN_S = 30  # usually under 2
HALF_A_REQUEST = (
    b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b'Content-Length: 21\r\n\r\n{"text": '
)
ITS_OTHER_HALF = b'"in flight"}'
TWO_WORKERS = {"BENTOML_CONFIG_OPTIONS": "services.sentiment_service.workers=2"}


@pytest.fixture(name="own")
def fixture_own(starter: Path, environment: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """Return an environment with its own Bento store, database and spool."""
    own = environment | {
        "BENTOML_HOME": str(tmp_path / "bentoml"),
        "DATABASE_URL": f"sqlite:///{tmp_path}/predictions.sqlite3",
        "SPOOL_DIR": str(tmp_path / "spool"),
        "TEST_LOG_FOLDER": str(tmp_path),
    }
    put_into_store(starter, own)
    return own


@contextmanager
def ended(processes: list[psutil.Process]) -> Iterator[None]:
    """Kill the processes that are still running at the context's end."""
    try:
        yield
    finally:
        for process in filter(is_running, processes):
            process.kill()


def is_running(process: psutil.Process) -> bool:
    """Return whether a process is running."""
    return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)


def kill_command(server: Server) -> list[psutil.Process]:
    """Kill (-9) the command alone; return its child processes."""
    _, *started = server.processes()
    server.process.kill()
    server.process.wait(ENDED_WITHIN_S)
    return started


def assert_all_end(processes: list[psutil.Process]) -> None:
    """Wait until all processes have ended by themselves."""
    with ended(processes):
        eventually(lambda: not any(map(is_running, processes)), ENDED_WITHIN_S)


def stored_texts(tmp_path: Path) -> list[str]:
    """Return all texts in the database, sorted."""
    return sorted(row["text"] for row in Rows(tmp_path / "predictions.sqlite3").all())


def test_workers_of_a_killed_command_end_and_record_all_answered_texts(
    repository: Path, own: dict[str, str], tmp_path: Path
) -> None:
    texts = [f"tweet {number}" for number in range(20)]

    with Server(SERVE, repository, own | TWO_WORKERS) as server:
        for text in texts:
            assert 200 == httpx.post(f"{server.url}/predict", json={"text": text}).status_code
        workers = kill_command(server)
        assert_all_end(workers)

    assert 2 == len(workers)
    assert sorted(texts) == stored_texts(tmp_path)
    assert not list((tmp_path / "spool").glob("*.lock"))


def test_an_open_request_is_answered_after_the_command_is_killed(
    repository: Path, own: dict[str, str], tmp_path: Path
) -> None:
    with (
        Server(SERVE, repository, own) as server,
        socket.create_connection(("127.0.0.1", server.port), ENDED_WITHIN_S) as client,
    ):
        client.sendall(HALF_A_REQUEST)
        httpx.get(f"{server.url}/readyz")  # the half request arrived before
        workers = kill_command(server)
        with ended(workers):
            eventually(lambda: "the command that started this worker" in server.log, ENDED_WITHIN_S)
            client.sendall(ITS_OTHER_HALF)
            answer = client.recv(4096)
            assert_all_end(workers)

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert ["in flight"] == stored_texts(tmp_path)


@pytest.mark.slow
def test_a_restarted_worker_ends_with_a_killed_command(
    repository: Path, own: dict[str, str]
) -> None:
    with Server(SERVE, repository, own) as server:
        first = server.processes()[1]
        first.kill()
        eventually(
            lambda: {process.pid for process in server.processes()[1:]} - {first.pid},
            ENDED_WITHIN_S,
        )
        second = kill_command(server)[0]
        assert_all_end([second])


@pytest.mark.slow
def test_a_killed_command_can_be_restarted_immediately(
    repository: Path, own: dict[str, str]
) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(Server(SERVE, repository, own))
        workers = kill_command(server)
        stack.enter_context(ended(workers))
        again = Server(SERVE, repository, own, server.port)
        stack.callback(again.kill)
        assert_all_end(workers)  # otherwise one of them could answer /readyz
        stack.enter_context(again)

        assert 200 == httpx.post(f"{again.url}/predict", json={"text": "again"}).status_code


@pytest.mark.slow
def test_the_reloader_ends_with_a_killed_command(repository: Path, own: dict[str, str]) -> None:
    with Server([*SERVE, "--reload"], repository, own) as server:
        started = kill_command(server)
        assert_all_end(started)

    assert 2 == len(started)  # the worker and the file watcher


@pytest.mark.slow
def test_the_service_outlives_a_killed_make(repository: Path, own: dict[str, str]) -> None:
    with Server(["make", "serve", "PORT={port}"], repository, own) as server:
        started = kill_command(server)
        with ended(started):
            status = httpx.get(f"{server.url}/readyz").status_code
            command = next(one for one in started if one.ppid() not in {p.pid for p in started})
            command.send_signal(signal.SIGTERM)
            assert_all_end(started)

    assert 200 == status


@pytest.mark.parametrize(
    ("host", "family"),
    [
        ("127.0.0.1", socket.AF_INET),
        pytest.param("::1", socket.AF_INET6, marks=pytest.mark.slow),
    ],
)
def test_a_port_of_another_program_is_reported_in_one_line(
    repository: Path, own: dict[str, str], host: str, family: int
) -> None:
    with closing(socket.socket(family)) as other:
        other.bind((host, 0))
        other.listen()
        port = other.getsockname()[1]
        command = [BENTOML, "serve", "--host", host, "--port", str(port)]
        done = run_command(command, repository, own)

    assert 1 == done.returncode
    assert f"Port {port} is taken" in done.stdout.splitlines()[-1]
    assert "PORT=" in done.stdout.splitlines()[-1]
    assert not any(word in done.stdout for word in ("Traceback", "Could not bind", "Starting"))


@pytest.mark.slow
def test_a_port_of_another_service_is_reported_with_its_process(
    repository: Path, own: dict[str, str], server: Server
) -> None:
    worker = server.processes()[1].pid

    done = run_command(["make", "serve", f"PORT={server.port}"], repository, own)

    assert 0 != done.returncode
    assert f"Port {server.port} is taken by process " in done.stdout
    assert any(f"process {pid} " in done.stdout for pid in (worker, server.process.pid))
    assert "Traceback" not in done.stdout


@pytest.mark.parametrize("port", ["70000", "-5"])
def test_an_impossible_port_is_reported_in_one_line(
    repository: Path, own: dict[str, str], port: str
) -> None:
    done = run_command([BENTOML, "serve", f"--port={port}"], repository, own)

    assert 1 == done.returncode
    assert f"Port {port} does not exist" in done.stdout.splitlines()[-1]
    assert "Traceback" not in done.stdout


@pytest.mark.slow
def test_of_two_simultaneous_starts_one_serves_and_one_reports_the_port(
    repository: Path, own: dict[str, str], tmp_path: Path
) -> None:
    port = free_port()
    loggers = [own | {"TEST_LOG_FOLDER": str(tmp_path / name)} for name in ("one", "two")]
    for logger in loggers:
        Path(logger["TEST_LOG_FOLDER"]).mkdir()
    servers = [Server(SERVE, repository, logger, port) for logger in loggers]
    try:
        eventually(
            lambda: 1 == sum(each.process.poll() is not None for each in servers), ENDED_WITHIN_S
        )
        lost = next(each for each in servers if each.process.poll() is not None)
        won = next(each for each in servers if each is not lost)
        with won:
            assert 200 == httpx.get(f"{won.url}/readyz").status_code
    finally:
        for each in servers:
            each.kill()

    assert 1 == lost.process.returncode
    assert f"Port {port} is taken" in lost.log
    assert "Traceback" not in lost.log


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("openvino_model.xml", b"garbage"),
        ("openvino_model.bin", b""),
        ("tokenizer.json", b'{"version": "1.0"}'),
    ],
)
def test_a_damaged_model_ends_the_command_with_one_line(
    repository: Path, own: dict[str, str], name: str, content: bytes
) -> None:
    (stored,) = Path(own["BENTOML_HOME"]).rglob(name)
    stored.write_bytes(content)

    done = run_command([BENTOML, "serve", "--port", str(free_port())], repository, own)

    assert 1 == done.returncode
    assert 1 == done.stdout.count("cannot be served")
    assert "Exception from" not in done.stdout  # which starts OpenVINO's own message
    assert "Traceback" not in done.stdout


def test_a_label_longer_than_its_column_ends_the_command_with_one_line(
    repository: Path, own: dict[str, str]
) -> None:
    (stored,) = Path(own["BENTOML_HOME"]).rglob("config.json")
    config = json.loads(stored.read_text(encoding="utf-8"))
    config["id2label"]["0"] = "negative" * 9
    stored.write_text(json.dumps(config), encoding="utf-8")

    done = run_command([BENTOML, "serve", "--port", str(free_port())], repository, own)

    assert 1 == done.returncode
    message = f"label {'negative' * 9!r} has 72 characters; its column holds 64"
    assert message in done.stdout.splitlines()[-1]
    assert "Traceback" not in done.stdout
