"""The image contains what serving needs, nothing for training, and no secrets."""

import subprocess
import sys

from tests.container.conftest import PLANTED
from tests.container.containers import attempt, command, inspect

MAX_BYTES = 650_000_000
LIBRARIES = ("torch", "transformers", "datasets", "openvino", "pyodbc", "psycopg")


def test_the_image_is_small(image: str, engine: str) -> None:
    size = inspect(image)["Size"]

    print(f"\n    {size / 1e6:.0f} MB, upon {engine}", file=sys.stderr)
    assert size < MAX_BYTES


def test_the_image_has_the_libraries_of_serving_but_not_of_training(image: str) -> None:
    script = (
        "import sys; from importlib.util import find_spec as f; print(*filter(f, sys.argv[1:]))"
    )

    found = command("docker", "run", "--rm", image, "python", "-c", script, *LIBRARIES).split()

    assert ["openvino", "pyodbc", "psycopg"] == found


def test_the_user_is_not_root(image: str) -> None:
    user = command("docker", "run", "--rm", image, "id", "--user").strip()

    assert "1034" == user


def test_usage_tracking_is_off(image: str) -> None:
    value = command("docker", "run", "--rm", image, "printenv", "BENTOML_DO_NOT_TRACK").strip()

    assert "true" == value


def test_microsofts_driver_tries_to_connect(image: str) -> None:
    variables = {"SQL_SERVER": "127.0.0.1", "SQL_USER": "nobody", "SQL_PASSWORD": "none"}
    given = [f"--env={name}={value}" for name, value in variables.items()]

    done = attempt(
        *("docker", "run", "--rm", *given, "--env=DATABASE_TIMEOUT_S=2"),
        *(image, "python", "-m", "db", "status"),
    )

    assert 0 != done.returncode
    assert "SQLDriverConnect" in done.stdout
    assert "08001" in done.stdout or "HYT00" in done.stdout, done.stdout  # no server, or too late
    assert "Traceback" not in done.stdout


def test_prune_works_with_a_read_only_root_like_in_compose(image: str) -> None:
    prune = "python -m db setup && exec python -m db prune --older-than 90d"

    printed = command(
        *("docker", "run", "--rm", "--init", "--read-only", "--tmpfs=/tmp:mode=1777"),
        *("--cap-drop=ALL", "--security-opt=no-new-privileges:true"),
        *("--env=DATABASE_URL=sqlite:////tmp/rows.sqlite3", image, "sh", "-c", prune),
    )

    assert "deleted 0 rows in total" in printed


def test_the_image_contains_no_secret_of_the_build(image: str) -> None:
    saved = subprocess.Popen(["docker", "save", image], stdout=subprocess.PIPE)
    with saved:
        count = ["grep", "--count", "--text", PLANTED]
        found = subprocess.run(count, stdin=saved.stdout, capture_output=True, check=False)

    assert b"0\n" == found.stdout
    assert 0 == saved.returncode
    assert PLANTED not in command("docker", "history", "--no-trunc", image)
