"""A prediction is one row in SQL Server, and Grafana shows it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from grafana.expansion import (
    View,
    fill_variables,
    panel_queries,
    read_dashboard,
    rule_expressions,
    rule_queries,
    variable_queries,
)
from tests.stack.conftest import DATA_SOURCE, Grafana
from tests.support.server import eventually

STORED_WITHIN_S = 30
DASHBOARDS = ("service", "quality")


def test_a_prediction_is_one_row(service: httpx.Client, grafana: Grafana) -> None:
    answer = service.post("/predict", json={"text": "Beautiful post!!!"})

    assert 200 == answer.status_code, answer.text
    row = f"FROM metrics WHERE id = '{answer.headers['X-Prediction-Id']}'"
    assert eventually(
        lambda: [[1]] == grafana.run(f"SELECT COUNT(*) AS found {row}"), STORED_WITHIN_S
    )
    body = answer.json()
    (labels,) = grafana.run(f"SELECT label {row}")
    (scores,) = grafana.run(f"SELECT confidence {row}")
    assert [body["label"]] == labels
    assert scores == pytest.approx([body["score"]], abs=1e-6)


def test_grafana_needs_a_password(grafana: Grafana, grafana_url: str) -> None:
    assert grafana.get("/api/search")

    answer = httpx.get(f"{grafana_url}/api/search", timeout=30)

    assert 401 == answer.status_code


def test_grafanas_login_can_only_read(grafana: Grafana) -> None:
    assert "OK" == grafana.get(f"/api/datasources/uid/{DATA_SOURCE}/health")["status"]

    with pytest.raises(AssertionError, match="permission"):
        grafana.run("DELETE FROM metrics")


@pytest.mark.parametrize("name", [*DASHBOARDS, "operations"])
def test_the_committed_dashboards_are_provisioned(
    repository: Path, grafana: Grafana, name: str
) -> None:
    committed = read_dashboard(repository, name)

    loaded = grafana.get(f"/api/dashboards/uid/{committed['uid']}")

    assert loaded["meta"]["provisioned"]
    assert committed["title"] == loaded["dashboard"]["title"]
    assert _titles(committed) == _titles(loaded["dashboard"])


@pytest.mark.parametrize("name", DASHBOARDS)
def test_every_query_of_a_dashboard_works(
    repository: Path, grafana: Grafana, service: httpx.Client, name: str
) -> None:
    assert 200 == service.post("/predict", json={"text": "a row for the queries"}).status_code
    tags_query = "SELECT DISTINCT model_tag FROM metrics"
    (tags,) = eventually(lambda: any(found := grafana.run(tags_query)) and found, STORED_WITHIN_S)
    now = datetime.now(UTC)
    view = View(now - timedelta(days=1), now, 60, tags, ["negative", "neutral", "positive"])
    statements = panel_queries(repository, name) | variable_queries(repository, name)

    for statement in statements.values():
        grafana.run(fill_variables(statement, view))

    assert statements


def test_every_alert_rule_is_loaded_and_evaluates(repository: Path, grafana: Grafana) -> None:
    expected = set(rule_queries(repository)) | set(rule_expressions(repository))

    loaded = {rule["uid"] for rule in grafana.get("/api/v1/provisioning/alert-rules")}

    assert expected == loaded
    for statement, _ in rule_queries(repository).values():
        grafana.run(statement)


def _titles(content: dict) -> list[str]:  # type: ignore[type-arg]
    return [panel["title"] for panel in content["panels"]]
