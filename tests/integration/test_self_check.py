"""A service starts only if its model passes the self-check on this machine."""

import platform
from pathlib import Path

import httpx
import pytest

from tests.support.avx2 import AVX2_ONLY
from tests.support.broken_models import make_overflowing_model, make_wrong_model
from tests.support.server import BENTOML, Server, free_port, put_into_store, run_command

SERVE = [BENTOML, "serve", "--port", "{port}"]


@pytest.fixture(name="own")
def fixture_own(environment: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """Return the environment of a service with a store, a spool and a database of its own."""
    return environment | {
        "BENTOML_HOME": str(tmp_path / "bentoml"),
        "DATABASE_URL": f"sqlite:///{tmp_path}/predictions.sqlite3",
        "SPOOL_DIR": str(tmp_path / "spool"),
        "TEST_LOG_FOLDER": str(tmp_path),
    }


def test_the_result_is_in_the_log_and_in_the_description_of_the_model(server: Server) -> None:
    found = httpx.get(f"{server.url}/model").json()["self_check"]

    assert (True, "original", "int8", 20) == tuple(
        found[name] for name in ("passed", "reference", "precision", "texts")
    )
    assert 0 < found["deviation"] <= found["bound"]
    assert f"self-check passed on {found['processor']} in int8" in server.log


def test_a_wrong_model_stops_the_start_with_processor_deviation_and_remedy(
    repository: Path, own: dict[str, str], starter: Path, tmp_path: Path
) -> None:
    put_into_store(make_wrong_model(starter, tmp_path / "damaged"), own)

    done = run_command([BENTOML, "serve", "--port", str(free_port())], repository, own)

    (error,) = [line for line in done.stdout.splitlines() if "cannot start" in line]
    assert 1 == done.returncode
    assert "the self-check failed on " in error
    assert "a probability differs by 0." in error
    assert "Export a model with `make model`" in error
    assert "Traceback" not in done.stdout


@pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64"), reason="the cap to AVX2 is one of x86 processors"
)
def test_an_overflowing_int8_model_of_an_earlier_version_is_served_in_float32(
    repository: Path, own: dict[str, str], starter: Path, tmp_path: Path
) -> None:
    put_into_store(make_overflowing_model(starter, tmp_path / "model"), own)

    with Server(SERVE, repository, own | AVX2_ONLY) as server:
        model = httpx.get(f"{server.url}/model").json()
        answer = httpx.post(f"{server.url}/predict", json={"text": "good day"}).json()

    assert ("fp32", "dequantized") == (model["precision"], model["self_check"]["reference"])
    assert "negative" == answer["label"]
    assert answer["score"] > 0.99
    assert "The model is computed in fp32 instead" in server.log
