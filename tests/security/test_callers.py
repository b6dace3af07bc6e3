"""Authentication and headers of the running service."""

import re
from pathlib import Path

import httpx
import pytest

from tests.security.conftest import KEY
from tests.support.server import BENTOML, Server


@pytest.mark.parametrize("path", ["/", "/model", "/metrics", "/docs.json", "/nowhere"])
def test_all_paths_but_health_checks_need_a_key(server: Server, path: str) -> None:
    without = httpx.get(server.url + path)
    with_key = httpx.get(server.url + path, headers={"Authorization": f"Bearer {KEY}"})

    assert (401, "Bearer") == (without.status_code, without.headers["www-authenticate"])
    assert 401 != with_key.status_code


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/healthz"])
def test_health_checks_need_no_key(server: Server, path: str) -> None:
    assert 200 == httpx.get(server.url + path).status_code


def test_a_prediction_needs_a_key(server: Server) -> None:
    statuses = [
        httpx.post(f"{server.url}/predict", json={"text": "fine"}, headers=headers).status_code
        for headers in ({}, {"X-API-Key": "guessed"}, {"X-API-Key": "another-key"})
    ]

    assert [401, 401, 200] == statuses


def test_responses_do_not_name_the_server_library(server: Server) -> None:
    for path in ("/model", "/nowhere", "/readyz"):
        assert "server" not in httpx.get(server.url + path).headers
    prediction = httpx.post(
        f"{server.url}/predict", json={"text": "fine"}, headers={"X-API-Key": KEY}
    )
    assert (200, False) == (prediction.status_code, "server" in prediction.headers)


def test_the_api_page_loads_only_own_files(server: Server) -> None:
    with httpx.Client(base_url=server.url, headers={"X-API-Key": KEY}) as client:
        page = client.get("/")
        files = re.findall(r'<(?:script|link)[^>]* (?:src|href)="(\./[^"]+)"', page.text)
        statuses = {client.get(path.removeprefix(".")).status_code for path in files}

    assert page.headers["content-security-policy"].startswith("default-src 'self';")
    assert (7, {200}) == (len(files), statuses)


@pytest.mark.parametrize(
    ("variable", "value"), [("API_KEYS", "schl\u00fcssel"), ("PUBLIC_PATHS", "metrics")]
)
def test_an_invalid_setting_stops_the_start_with_its_name(
    repository: Path, environment: dict[str, str], variable: str, value: str
) -> None:
    command = [BENTOML, "serve", "--port", "{port}"]

    with (
        pytest.raises(AssertionError, match=f"{variable} has ") as caught,
        Server(command, repository, environment | {variable: value}),
    ):
        pass

    assert "Traceback" not in str(caught.value)
    assert "schl" not in str(caught.value)
