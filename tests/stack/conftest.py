"""The suite of the whole stack, which `make up` has started from the .env of this checkout.

`make test-stack` runs it. Like users, it talks only to the service and Grafana.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from dotenv import dotenv_values

from tests.support.server import eventually
from tools.replay import API_PORT_MAPPING, published_url

READY_TIMEOUT_S = 120
DATA_SOURCE = "predictions"
METRICS_SOURCE = "prometheus"


class Grafana:
    """Grafana's HTTP API, with the administrator's login."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def get(self, path: str) -> Any:
        """Return the API's JSON. Raises httpx.HTTPStatusError for an error status."""
        return self._client.get(path).raise_for_status().json()

    def run(self, statement: str, interval_ms: int = 60_000) -> list[list[Any]]:
        """Run a query with macros over the last day; return its columns.

        Raises AssertionError if Grafana or SQL Server refuses it.
        """
        query = {
            "refId": "A",
            "datasource": {"uid": DATA_SOURCE, "type": "mssql"},
            "rawSql": statement,
            "format": "table",
            "intervalMs": interval_ms,
            "maxDataPoints": 1000,
        }
        return self._columns(query)

    def read_metrics(self, expression: str) -> list[list[Any]]:
        """Evaluate PromQL now; return time and value columns of each series.

        Raises AssertionError if Grafana or Prometheus refuses it.
        """
        query = {
            "refId": "A",
            "datasource": {"uid": METRICS_SOURCE, "type": "prometheus"},
            "expr": expression,
            "instant": True,
            "range": False,
            "intervalMs": 15_000,
            "maxDataPoints": 1000,
        }
        return self._columns(query)

    def _columns(self, query: dict[str, Any]) -> list[list[Any]]:
        body = {"from": "now-1d", "to": "now", "queries": [query]}
        answer = self._client.post("/api/ds/query", json=body)
        assert 200 == answer.status_code, answer.text
        frames = answer.json()["results"]["A"]["frames"]
        return [column for frame in frames for column in frame["data"]["values"]]


@pytest.fixture(name="given", scope="session")
def fixture_given(repository: Path) -> dict[str, str]:
    """Return the settings of the stack's .env, or skip."""
    path = repository / ".env"
    if not path.exists():
        pytest.skip("there is no .env: run `make up`, which writes one and starts the stack")
    return {name: value for name, value in dotenv_values(path).items() if value}


@pytest.fixture(name="service", scope="session")
def fixture_service(given: dict[str, str]) -> Iterator[httpx.Client]:
    """Return a client of the ready service, with a key if it needs one."""
    key = given.get("API_KEYS", "").partition(",")[0].strip()
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    url = published_url(given.get("API_PORT_MAPPING", API_PORT_MAPPING))
    with httpx.Client(base_url=url, headers=headers, timeout=30) as client:
        assert eventually(lambda: _answers(client, "/readyz"), READY_TIMEOUT_S), (
            "the service is not ready"
        )
        yield client


@pytest.fixture(name="grafana_url", scope="session")
def fixture_grafana_url(given: dict[str, str]) -> str:
    """Return Grafana's URL."""
    return published_url(given.get("GRAFANA_PORT_MAPPING", "127.0.0.1:3001:3000"))


@pytest.fixture(name="grafana", scope="session")
def fixture_grafana(given: dict[str, str], grafana_url: str) -> Iterator[Grafana]:
    """Return a client of the healthy Grafana."""
    account = ("admin", given["GRAFANA_ADMIN_PASSWORD"])
    with httpx.Client(base_url=grafana_url, auth=account, timeout=30) as client:
        assert eventually(lambda: _answers(client, "/api/health"), READY_TIMEOUT_S), (
            "Grafana is not healthy"
        )
        yield Grafana(client)


def _answers(client: httpx.Client, path: str) -> bool:
    try:
        return 200 == client.get(path).status_code
    except httpx.HTTPError:
        return False
