"""Fixtures of all test suites, and the markers that select suites."""

import atexit
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

# Before imports of settings, BentoML and huggingface_hub: ignore the developer's configuration.
os.environ["ENV_FILE"] = ""
os.environ["HF_TOKEN_PATH"] = os.devnull  # the developer's login on the Hub
os.environ.setdefault("OMP_NUM_THREADS", "1")  # torch's: parallel tests share the cores
os.environ["BENTOML_HOME"] = tempfile.mkdtemp(prefix="bentoml-")
atexit.register(shutil.rmtree, os.environ["BENTOML_HOME"], ignore_errors=True)

# pylint: disable=wrong-import-position
from httpx._config import DEFAULT_TIMEOUT_CONFIG

from benchmarks import servers
from inference.classifier import Classifier
from tests.support.setting_names import setting_names

pytest_plugins = ["tests.support.database_fixtures"]

REPOSITORY = Path(__file__).parent.parent
HTTP_TIMEOUT_S = 60  # instead of 5, for busy machines

# Each of pytest's parallel workers gives servers ports of its own.
servers.PORTS = servers.PORTS[int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) :: 16]

SUITES = ("benchmarks", "container", "fault_injection", "sqlserver", "stack")
"""Folders whose tests carry the marker of the same name, and `slow`."""

for phase in ("connect", "read", "write", "pool"):
    setattr(DEFAULT_TIMEOUT_CONFIG, phase, HTTP_TIMEOUT_S)


@pytest.hookimpl(tryfirst=True)  # before pytest deselects by marker
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test of a suite with the suite's name, and as slow."""
    for item in items:
        folder = item.path.relative_to(REPOSITORY / "tests").parts[0]
        if folder in SUITES:
            item.add_marker(folder)
        if any(item.get_closest_marker(suite) for suite in SUITES):
            item.add_marker("slow")


@pytest.fixture(name="repository", scope="session")
def fixture_repository() -> Path:
    """Return the root of the checkout."""
    return REPOSITORY


@pytest.fixture(autouse=True, scope="session")
def ignore_own_settings() -> Iterator[None]:
    """Delete the developer's settings for tests and fixtures of every scope."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        _delete_settings(monkeypatch)
        yield


@pytest.fixture(autouse=True)
def ignore_settings_of_other_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Delete settings that an earlier test has set."""
    _delete_settings(monkeypatch)


@pytest.fixture(name="starter", scope="session")
def fixture_starter() -> Path:
    """Return the folder of the starter model."""
    return REPOSITORY / "models" / "starter"


@pytest.fixture(name="classifier", scope="session")
def fixture_classifier(starter: Path) -> Classifier:
    """Return the starter model, loaded as for serving."""
    return Classifier.load(starter)


@pytest.fixture(name="tweets", scope="session")
def fixture_tweets() -> list[str]:
    """Return the texts of the repository's sample."""
    lines = (REPOSITORY / "samples" / "tweets.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["text"] for line in lines]


@pytest.fixture(name="validation_tweets", scope="session")
def fixture_validation_tweets() -> list[str]:
    """Return the first 200 texts of the validation split of DATASET."""
    if "DATASET" not in os.environ:
        pytest.skip("DATASET names no folder of real tweets")
    dataset = pytest.importorskip("training.data.dataset").load(os.environ["DATASET"])
    return list(dataset.evaluation.texts[:200])


def _delete_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    logins = {"HF_OIDC_RESOURCE", "HUGGING_FACE_HUB_TOKEN"}
    for name in setting_names() - {"DATASET"} | logins:  # DATASET says where real tweets are
        monkeypatch.delenv(name, raising=False)
