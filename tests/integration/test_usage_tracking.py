"""No command sends usage data unless the user has enabled it."""

from pathlib import Path

import pytest

from tests.integration.conftest import SERVE
from tests.support.server import BENTOML, Server, put_into_store, run_command, run_python

EXPORT = """
import sys
from pathlib import Path
from transformers import AutoModelForSequenceClassification, AutoTokenizer
from training.export.export import export
from tests.support.training_machine import TrainingInputs

base = TrainingInputs.make(Path("models/starter"), Path(sys.argv[1])).base
export(
    AutoModelForSequenceClassification.from_pretrained(base, dtype="float32"),
    AutoTokenizer.from_pretrained(base),
    Path(sys.argv[1]) / "exported",
    ["a beautiful day", "a bad day"] * 8,
)
"""
BENTOML_TRACKER = "t.bentoml.com"
OPENVINO_TRACKER = "www.google-analytics.com"
STOPPED_WITHIN_S = 60


@pytest.fixture(name="watched")
def fixture_watched(
    repository: Path, starter: Path, environment: dict[str, str], tmp_path: Path
) -> dict[str, str]:
    """Return an environment without a choice of tracking, with its own home folder."""
    # OpenVINO sends nothing if the variable CI is set
    kept = {name: value for name, value in environment.items() if "TRACK" not in name}
    (tmp_path / "home").mkdir()
    watched = kept | {
        "BENTOML_HOME": str(tmp_path / "bentoml"),
        "DATABASE_URL": f"sqlite:///{tmp_path}/predictions.sqlite3",
        "HOME": str(tmp_path / "home"),
        "NETWORK_LOG": str(tmp_path / "hosts"),
        "PYTHONPATH": f"{repository / 'tests' / 'support' / 'no_network'}:{repository}",
        "SPOOL_DIR": str(tmp_path / "spool"),
    }
    put_into_store(starter, watched)
    return watched


def contacted_hosts(watched: dict[str, str]) -> set[str]:
    """Return the hosts that were contacted."""
    log = Path(watched["NETWORK_LOG"])
    return set(log.read_text(encoding="utf-8").split()) if log.exists() else set()


def serve(repository: Path, watched: dict[str, str]) -> None:
    """Start the service and stop it by SIGTERM."""
    with Server(SERVE, repository, watched) as server:
        server.terminate(STOPPED_WITHIN_S)


def consent_to_openvino(watched: dict[str, str]) -> None:
    """Write the file that `opt_in_out --opt_in` writes."""
    folder = Path(watched["HOME"]) / "intel"
    folder.mkdir()
    (folder / "openvino_telemetry").write_text("1", encoding="utf-8")


def test_serving_contacts_no_other_host(repository: Path, watched: dict[str, str]) -> None:
    serve(repository, watched)

    assert set() == contacted_hosts(watched)
    assert not list(Path(watched["HOME"]).iterdir())


@pytest.mark.slow
def test_building_does_not_contact_bentoml(repository: Path, watched: dict[str, str]) -> None:
    # it installs uv if missing; without a network it fails, which BentoML would report, too
    run_command([BENTOML, "build"], repository, watched | {"PIP_RETRIES": "0"})

    assert BENTOML_TRACKER not in contacted_hosts(watched)


@pytest.mark.slow
def test_exporting_contacts_no_other_host(watched: dict[str, str], tmp_path: Path) -> None:
    pytest.importorskip("nncf", reason="training's libraries are not installed")

    run_python(["-c", EXPORT, str(tmp_path)], watched)

    assert set() == contacted_hosts(watched)
    assert not (Path(watched["HOME"]) / "intel").exists()


@pytest.mark.slow
def test_a_user_can_enable_tracking_by_bentoml(repository: Path, watched: dict[str, str]) -> None:
    serve(repository, watched | {"BENTOML_DO_NOT_TRACK": "false"})

    assert {BENTOML_TRACKER} == contacted_hosts(watched)


def test_a_user_can_enable_tracking_by_openvino(watched: dict[str, str]) -> None:
    consent_to_openvino(watched)

    run_python(["-c", "import inference.openvino_runtime"], watched)

    assert {OPENVINO_TRACKER} == contacted_hosts(watched)
