"""The service starts, answers and records without what Linux alone has."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.integration.conftest import SERVE
from tests.integration.test_metrics import SHOWN_WITHIN_S, metrics
from tests.support.rows import Rows
from tests.support.server import Server, eventually, put_into_store

BLOCK_BYTES = 512  # of `st_blocks`, whatever the file system's own are


@pytest.fixture(name="elsewhere", scope="module")
def fixture_elsewhere(
    repository: Path, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """Return the environment of a system that is not Linux."""
    folder = tmp_path_factory.mktemp("elsewhere")
    return environment | {
        "BENTOML_HOME": str(folder / "bentoml"),
        "DATABASE_URL": f"sqlite:///{folder}/predictions.sqlite3",
        "PYTHONPATH": f"{repository / 'tests' / 'support' / 'emulate_macos'}:{repository}",
        "SPOOL_DIR": str(folder / "spool"),
    }


@pytest.fixture(name="served_elsewhere", scope="module")
def fixture_served_elsewhere(
    repository: Path, starter: Path, elsewhere: dict[str, str]
) -> Iterator[Server]:
    """Serve the starter model there."""
    put_into_store(starter, elsewhere)
    with Server(SERVE, repository, elsewhere) as server:
        yield server


def test_what_linux_alone_has_is_really_missing_there(elsewhere: dict[str, str]) -> None:
    look = "import os, resource; print(hasattr(os, 'posix_fallocate'), resource.getrlimit(7)[0])"

    done = subprocess.run(
        [sys.executable, "-c", look], env=elsewhere, capture_output=True, text=True, check=False
    )

    assert "False 256\n" == done.stdout, done.stderr


def test_predictions_are_answered_recorded_and_counted(
    served_elsewhere: Server, elsewhere: dict[str, str]
) -> None:
    rows = Rows(Path(elsewhere["DATABASE_URL"].removeprefix("sqlite:///")))

    answer = httpx.post(f"{served_elsewhere.url}/predict", json={"text": "Beautiful post!!!"})

    assert 200 == answer.status_code, answer.text
    assert "positive" == answer.json()["label"]
    assert eventually(rows.all, SHOWN_WITHIN_S)
    assert ["Beautiful post!!!"] == [row["text"] for row in rows.all()]
    eventually(
        lambda: metrics(served_elsewhere).get("sentiment_rows_written_total") == 1, SHOWN_WITHIN_S
    )


def test_the_reserve_and_the_metrics_have_their_blocks_of_the_disk(
    served_elsewhere: Server, elsewhere: dict[str, str]
) -> None:
    assert served_elsewhere.ready_after_s
    reserves = list(Path(elsewhere["SPOOL_DIR"]).glob("*.reserve"))
    gauges = list(Path(elsewhere["BENTOML_HOME"]).rglob("gauge_livesum_*.db"))

    assert reserves
    assert gauges
    for path in (*reserves, *gauges):
        state = path.stat()
        assert state.st_blocks * BLOCK_BYTES >= state.st_size > 1 << 17, path


def test_a_limit_of_open_files_that_the_system_refuses_is_logged(served_elsewhere: Server) -> None:
    assert "the limit of open files is 4096" in served_elsewhere.log
