"""The service starts, predicts and records without Linux's own features."""

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

BLOCK_BYTES = 512  # of `st_blocks`, on all file systems


@pytest.fixture(name="macos", scope="module")
def fixture_macos(
    repository: Path, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """Return an environment that behaves as on macOS."""
    folder = tmp_path_factory.mktemp("macos")
    return environment | {
        "BENTOML_HOME": str(folder / "bentoml"),
        "DATABASE_URL": f"sqlite:///{folder}/predictions.sqlite3",
        "PYTHONPATH": f"{repository / 'tests' / 'support' / 'emulate_macos'}:{repository}",
        "SPOOL_DIR": str(folder / "spool"),
    }


@pytest.fixture(name="macos_server", scope="module")
def fixture_macos_server(
    repository: Path, starter: Path, macos: dict[str, str]
) -> Iterator[Server]:
    """Serve the starter model in it."""
    put_into_store(starter, macos)
    with Server(SERVE, repository, macos) as server:
        yield server


def test_the_emulation_removes_linux_features(macos: dict[str, str]) -> None:
    look = "import os, resource; print(hasattr(os, 'posix_fallocate'), resource.getrlimit(7)[0])"

    done = subprocess.run(
        [sys.executable, "-c", look], env=macos, capture_output=True, text=True, check=False
    )

    assert "False 256\n" == done.stdout, done.stderr


def test_a_prediction_is_recorded_and_counted(macos_server: Server, macos: dict[str, str]) -> None:
    rows = Rows(Path(macos["DATABASE_URL"].removeprefix("sqlite:///")))

    answer = httpx.post(f"{macos_server.url}/predict", json={"text": "Beautiful post!!!"})

    assert 200 == answer.status_code, answer.text
    assert "positive" == answer.json()["label"]
    assert eventually(rows.all, SHOWN_WITHIN_S)
    assert ["Beautiful post!!!"] == [row["text"] for row in rows.all()]
    eventually(
        lambda: metrics(macos_server).get("sentiment_rows_written_total") == 1, SHOWN_WITHIN_S
    )


def test_disk_blocks_of_reserve_and_metrics_are_allocated(
    macos_server: Server, macos: dict[str, str]
) -> None:
    assert macos_server.ready_after_s
    reserves = list(Path(macos["SPOOL_DIR"]).glob("*.reserve"))
    gauges = list(Path(macos["BENTOML_HOME"]).rglob("gauge_livesum_*.db"))

    assert reserves
    assert gauges
    for path in (*reserves, *gauges):
        state = path.stat()
        assert state.st_blocks * BLOCK_BYTES >= state.st_size > 1 << 17, path


def test_a_limit_of_open_files_that_the_system_refuses_is_logged(macos_server: Server) -> None:
    assert "the limit of open files is 4096" in macos_server.log
