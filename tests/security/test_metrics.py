"""What strangers ask for does not make the figures grow."""

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
    """Serve from a home of its own: whoever starts in another's clears the figures there."""
    home = tmp_path_factory.mktemp("metrics")
    environment = environment | {
        "BENTOML_HOME": str(home / "bentoml"),
        "SPOOL_DIR": str(home / "spool"),
    }
    put_into_store(starter, environment)
    with Server([BENTOML, "serve", "--port", "{port}"], repository, environment) as server:
        yield server


def test_paths_that_nobody_serves_are_counted_as_one(server: Server) -> None:
    for number in range(20):
        assert 401 == httpx.get(f"{server.url}/strange/{number}").status_code

    figures = httpx.get(f"{server.url}/metrics", headers=WITH_KEY).text
    assert "strange" not in figures
    assert 'endpoint="other"' in figures


def test_paths_that_are_served_are_counted_each(server: Server) -> None:
    httpx.get(f"{server.url}/model", headers=WITH_KEY)

    assert 'endpoint="/model"' in httpx.get(f"{server.url}/metrics", headers=WITH_KEY).text


def test_what_is_counted_as_another_is_served_by_its_own_path(server: Server) -> None:
    style = httpx.get(f"{server.url}/static_content/index.css", headers=WITH_KEY)

    assert (200, "text/css") == (style.status_code, style.headers["content-type"].split(";")[0])
