"""The ring of the whole stack: the one that `make up` has started from the .env of this checkout.

Run it by `make test-stack`. It asks the service and Grafana alone, as users do.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from dotenv import dotenv_values

from tests.support.server import eventually
from tools.replay import API_PORT_MAPPING, published_url

READY_DEADLINE_S = 120
DATA_SOURCE = "predictions"
METRICS_SOURCE = "prometheus"


class Grafana:
    """Grafana's HTTP API, as its administrator uses it."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def get(self, path: str) -> Any:
        """Return what the API answers. Raises httpx.HTTPStatusError where it refuses."""
        return self._client.get(path).raise_for_status().json()

    def run(self, statement: str, interval_ms: int = 60_000) -> list[list[Any]]:
        """Run a query over the last day, its macros still in it; return its columns.

        Raises AssertionError where Grafana or SQL Server refuses it.
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
        """Evaluate PromQL now; return the columns of each series, time and value.

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
        asked = {"from": "now-1d", "to": "now", "queries": [query]}
        answer = self._client.post("/api/ds/query", json=asked)
        assert 200 == answer.status_code, answer.text
        frames = answer.json()["results"]["A"]["frames"]
        return [column for frame in frames for column in frame["data"]["values"]]


@pytest.fixture(name="given", scope="session")
def fixture_given(repository: Path) -> dict[str, str]:
    """Read the .env that the stack was started from, or skip."""
    path = repository / ".env"
    if not path.exists():
        pytest.skip("there is no .env: `make up` writes one, and starts the stack from it")
    return {name: value for name, value in dotenv_values(path).items() if value}


@pytest.fixture(name="service", scope="session")
def fixture_service(given: dict[str, str]) -> Iterator[httpx.Client]:
    """Reach the service, with a key where it wants one, once it is ready."""
    key = given.get("API_KEYS", "").partition(",")[0].strip()
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    url = published_url(given.get("API_PORT_MAPPING", API_PORT_MAPPING))
    with httpx.Client(base_url=url, headers=headers, timeout=30) as client:
        assert eventually(lambda: _answers(client, "/readyz"), READY_DEADLINE_S), "it is not ready"
        yield client


@pytest.fixture(name="grafana_url", scope="session")
def fixture_grafana_url(given: dict[str, str]) -> str:
    """Tell where Grafana is published."""
    return published_url(given.get("GRAFANA_PORT_MAPPING", "127.0.0.1:3001:3000"))


@pytest.fixture(name="grafana", scope="session")
def fixture_grafana(given: dict[str, str], grafana_url: str) -> Iterator[Grafana]:
    """Reach Grafana, once it is healthy."""
    account = ("admin", given["GRAFANA_ADMIN_PASSWORD"])
    with httpx.Client(base_url=grafana_url, auth=account, timeout=30) as client:
        assert eventually(lambda: _answers(client, "/api/health"), READY_DEADLINE_S), "not healthy"
        yield Grafana(client)


def _answers(client: httpx.Client, path: str) -> bool:
    try:
        return 200 == client.get(path).status_code
    except httpx.HTTPError:
        return False
