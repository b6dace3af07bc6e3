"""Compose starts the image, and recorded predictions survive its containers."""

import json
import re
import sys
import time
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.container.containers import EmbeddedStack, attempt, command, compose_program, inspect
from tests.support.server import eventually

STORED_WITHIN_S = 10
HEALTHY_WITHIN_S = 60  # probes come every 5 s, and each may take as long
TEXTS = ["so many words about a long and beautiful day " * 100] * 128


def test_predictions_survive_restarts_kills_and_a_new_container(stack: EmbeddedStack) -> None:
    ready_s = stack.start()
    print(f"\n    ready {ready_s:.1f} s after `compose up`", file=sys.stderr)
    expected = {stack.predict("Beautiful post!!!")}

    stack.compose("restart")
    stack.start()
    expected.add(stack.predict("after a restart"))
    command("docker", "kill", stack.container)
    stack.start()
    expected.add(stack.predict("after a kill"))
    stack.compose("down")
    stack.start()

    assert eventually(lambda: len(stack.stored()) >= len(expected), STORED_WITHIN_S)
    assert expected == stack.stored()


def test_a_stop_answers_open_requests_first(stack: EmbeddedStack) -> None:
    stack.start()
    body, kind = json.dumps({"texts": TEXTS}), {"Content-Type": "application/json"}
    with closing(HTTPConnection(stack.url.removeprefix("http://"), timeout=60)) as connection:
        connection.request("POST", "/predict_batch", body, kind)
        time.sleep(0.3)  # until Docker's proxy has forwarded the request
        start_s = time.monotonic()
        stack.compose("stop")
        stopped_s = time.monotonic() - start_s
        answer = connection.getresponse()
        answers = json.load(answer)

    print(f"\n    stopped in {stopped_s:.1f} s", file=sys.stderr)
    assert 200 == answer.status
    assert len(TEXTS) == len(answers)
    assert 0 == inspect(stack.container)["State"]["ExitCode"]
    stack.start()
    assert len(TEXTS) == len(eventually(stack.stored, STORED_WITHIN_S))


def test_db_status_counts_the_rows_of_the_service(stack: EmbeddedStack) -> None:
    stack.start()
    before = len(stack.stored())
    stack.predict("Beautiful post!!!")

    def status() -> str:
        return stack.compose("exec", "-T", "embedded", "python", "-m", "db", "status")

    assert eventually(lambda: f"rows in database:  {before + 1}\n" in status(), STORED_WITHIN_S)


def test_it_becomes_healthy(stack: EmbeddedStack) -> None:
    stack.start()

    assert eventually(
        lambda: "healthy" == inspect(stack.container)["State"]["Health"]["Status"], HEALTHY_WITHIN_S
    )


@pytest.mark.usefixtures("engine")
def test_compose_names_a_missing_secret(repository: Path, tmp_path: Path) -> None:
    for path in repository.glob("docker-compose*.yml"):
        (tmp_path / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / ".env").touch()

    done = attempt(*compose_program(), "config", folder=tmp_path)

    assert 0 != done.returncode
    # which of them are named depends on the version of compose
    assert re.search(r"\b(\w+_PASSWORD|ACCEPT_EULA) is not set", done.stdout), done.stdout


@pytest.mark.usefixtures("engine")
def test_the_generated_env_file_sets_all_secrets_of_the_stack(
    repository: Path, tmp_path: Path
) -> None:
    for path in repository.glob("docker-compose*.yml"):
        (tmp_path / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    command(sys.executable, "-m", "tools.generate_env", str(tmp_path / ".env"), folder=repository)
    given = dict(
        line.split("=", 1)
        for line in (tmp_path / ".env").read_text(encoding="utf-8").splitlines()
        if not line.startswith("#")
    )

    config = command(*compose_program(), "config", folder=tmp_path)

    secrets = {name: value for name, value in given.items() if name.endswith("PASSWORD")}
    assert 4 == len(secrets)
    assert set() == {name for name, value in secrets.items() if value not in config}
