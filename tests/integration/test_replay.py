"""The replay sends tweets to a running service, which records them, and prints the counts."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.conftest import SERVE
from tests.support.server import Server, free_port

KEY = "a-key-of-the-replay"


@pytest.fixture(name="run")
def fixture_run(repository: Path):  # type: ignore[no-untyped-def]
    """Return a function that runs the command."""

    def run(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "tools.replay", *words],
            cwd=repository,
            env={name: value for name, value in os.environ.items() if name != "DATASET"}
            | variables,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


def test_every_tweet_is_answered_and_counted(server: Server, run) -> None:  # type: ignore[no-untyped-def]
    # fewer than may be in flight, however long the service is held up
    done = run("--url", server.url, "--rate", "200", "--count", "200")

    assert 0 == done.returncode, done.stderr
    lines = done.stdout.splitlines()
    assert "answered 200 of 200" in lines
    (labels,) = (line for line in lines if line.startswith("labels: "))
    assert 200 == sum(int(word) for word in labels.replace(",", "").split() if word.isdigit())
    assert any(line.startswith("latency p50 ") for line in lines)


def test_where_the_stack_publishes_and_its_key_are_read_from_the_env_file(
    repository: Path,
    environment: dict[str, str],
    server: Server,  # which has put the model into the store
    tmp_path: Path,
    run,  # type: ignore[no-untyped-def]
) -> None:
    with Server(SERVE, repository, environment | {"API_KEYS": KEY}) as guarded:
        published = guarded.url.removeprefix("http://")
        (tmp_path / ".env").write_text(
            f"API_KEYS={KEY}\nAPI_PORT_MAPPING={published}:3000\n", encoding="utf-8"
        )

        done = run("--rate", "50", "--count", "10", ENV_FILE=str(tmp_path / ".env"))

    assert server.url != guarded.url
    assert 0 == done.returncode, done.stderr
    assert "answered 10 of 10" in done.stdout.splitlines()


def test_a_missing_service_is_an_error_that_names_its_url(run) -> None:  # type: ignore[no-untyped-def]
    url = f"http://127.0.0.1:{free_port()}"

    done = run("--url", url, "--wait", "1")

    assert 1 == done.returncode
    assert f"{url} is not ready: is the service running there?" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--rate", "0"), "0 is not positive"),
        (("--rate", "nan"), "nan is not positive"),
        (("--count", "-1"), "-1 is not positive"),
        (("--count", "many"), "invalid int value: 'many'"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(run, words, problem: str) -> None:  # type: ignore[no-untyped-def]
    done = run(*words)

    assert 2 == done.returncode
    assert problem in done.stderr


@pytest.mark.parametrize(
    ("variables", "problem"),
    [({"DATASET": "/nowhere"}, "/nowhere"), ({"API_KEYS": ","}, "API_KEYS")],
)
def test_settings_that_make_no_sense_are_named(  # type: ignore[no-untyped-def]
    server: Server, run, variables: dict[str, str], problem: str
) -> None:
    done = run("--url", server.url, "--count", "1", **variables)

    assert 1 == done.returncode
    assert problem in done.stderr
    assert "Traceback" not in done.stderr
