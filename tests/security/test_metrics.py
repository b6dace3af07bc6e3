"""Clients cannot create Prometheus time series by requesting unknown paths."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.security.conftest import KEY
from tests.support.server import BENTOML, Server, put_into_store

WITH_KEY = {"X-API-Key": KEY}


@pytest.fixture(name="server", scope="module")
def fixture_server(
    repository: Path,
    starter: Path,
    environment: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Server]:
    """Serve with a BENTOML_HOME of its own: each start deletes the metrics there."""
    home = tmp_path_factory.mktemp("metrics")
    environment = environment | {
        "BENTOML_HOME": str(home / "bentoml"),
        "SPOOL_DIR": str(home / "spool"),
    }
    put_into_store(starter, environment)
    with Server([BENTOML, "serve", "--port", "{port}"], repository, environment) as server:
        yield server


def test_unknown_paths_share_one_label(server: Server) -> None:
    for number in range(20):
        assert 401 == httpx.get(f"{server.url}/unknown/{number}").status_code

    metrics = httpx.get(f"{server.url}/metrics", headers=WITH_KEY).text
    assert "unknown/" not in metrics
    assert 'endpoint="other"' in metrics


def test_known_paths_have_their_own_label(server: Server) -> None:
    httpx.get(f"{server.url}/model", headers=WITH_KEY)

    assert 'endpoint="/model"' in httpx.get(f"{server.url}/metrics", headers=WITH_KEY).text


def test_a_path_without_its_own_label_is_still_served(server: Server) -> None:
    style = httpx.get(f"{server.url}/static_content/index.css", headers=WITH_KEY)

    assert (200, "text/css") == (style.status_code, style.headers["content-type"].split(";")[0])
