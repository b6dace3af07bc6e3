"""Prometheus scrapes the service, every rule is evaluated, and an outage is notified.

The last test needs ALERT_WEBHOOK_URL=http://host.docker.internal:PORT/ in .env, with a PORT that is
free on this machine; it stops and starts the service.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from grafana.expansion import panel_expressions, rule_expressions
from tests.container.containers import command, compose_program
from tests.stack.conftest import Grafana
from tests.support.server import eventually

SCRAPED_WITHIN_S = 120
EVALUATED_WITHIN_S = 180  # once a minute
NOTIFIED_WITHIN_S = 900  # 2 min pending, then up to 5 until the next notification of a group
THIS_MACHINE = "host.docker.internal"
DOWN = "Service down"


def test_the_service_is_scraped(grafana: Grafana, service: httpx.Client) -> None:
    assert 200 == service.get("/readyz").status_code

    assert eventually(lambda: [1] in grafana.read_metrics('up{job="sentiment"}'), SCRAPED_WITHIN_S)


def test_every_metric_of_the_dashboard_exists(repository: Path, grafana: Grafana) -> None:
    for expression in panel_expressions(repository, "operations"):
        shown = expression.replace("$__rate_interval", "1m")
        eventually(lambda shown=shown: grafana.read_metrics(shown), SCRAPED_WITHIN_S)


def test_every_rule_is_evaluated_without_an_error(repository: Path, grafana: Grafana) -> None:
    def health() -> dict[str, str]:
        groups = grafana.get("/api/prometheus/grafana/api/v1/rules")["data"]["groups"]
        return {rule["name"]: rule["health"] for group in groups for rule in group["rules"]}

    titles = {rule["title"] for _, rule in rule_expressions(repository).values()}

    assert eventually(
        lambda: (
            titles <= (found := health()).keys()
            and all(found[title] in ("ok", "nodata") for title in titles)
        ),
        EVALUATED_WITHIN_S,
    )


def test_the_contact_point_has_the_receivers_of_env(
    grafana: Grafana, given: dict[str, str]
) -> None:
    types = {"ALERT_WEBHOOK_URL": "webhook", "ALERT_EMAIL": "email"}
    expected = {kind for name, kind in types.items() if given.get(name)}

    points = grafana.get("/api/v1/provisioning/contact-points")
    policy = grafana.get("/api/v1/provisioning/policies")

    assert expected == {one["type"] for one in points if one["name"] == "sentiment"}
    assert bool(expected) == ("sentiment" == policy["receiver"])


def test_an_outage_and_its_end_are_posted_to_the_webhook(
    repository: Path, grafana: Grafana, service: httpx.Client, given: dict[str, str]
) -> None:
    url = urlsplit(given.get("ALERT_WEBHOOK_URL", ""))
    if url.hostname != THIS_MACHINE or url.port is None:
        pytest.skip(f"ALERT_WEBHOOK_URL names no port of {THIS_MACHINE}")
    assert 200 == service.get("/readyz").status_code
    assert grafana.get("/api/health")

    with webhook(url.port) as alerts:
        compose(repository, "stop", "api")
        try:
            fired = eventually(lambda: find_alert(alerts, "firing"), NOTIFIED_WITHIN_S)
        finally:
            compose(repository, "start", "api")
        resolved = eventually(lambda: find_alert(alerts, "resolved"), NOTIFIED_WITHIN_S)

    for alert in (fired, resolved):
        assert "critical" == alert["labels"]["severity"]
        assert "sentiment" == alert["labels"]["service"]
        assert "docker compose logs api" in alert["annotations"]["description"]


@contextmanager
def webhook(port: int) -> Iterator[list[dict[str, Any]]]:
    """Listen for notifications; their alerts are appended to the list."""
    alerts: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        """Receives notifications."""

        def do_POST(self) -> None:  # pylint: disable=invalid-name  # the base's name
            """Append the alerts of a notification."""
            body = self.rfile.read(int(self.headers["Content-Length"]))
            alerts.extend(json.loads(body)["alerts"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:  # pylint: disable=arguments-differ
            """Print nothing."""

    # containers do not reach the loopback address
    with ThreadingHTTPServer(("0.0.0.0", port), Handler) as server:  # noqa: S104
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield alerts
        finally:
            server.shutdown()
            thread.join()


def find_alert(alerts: list[dict[str, Any]], status: str) -> dict[str, Any] | None:
    """Return the alert of the outage with a status, None if it is missing."""
    return next(
        (
            alert
            for alert in list(alerts)
            if (alert["status"], alert["labels"]["alertname"]) == (status, DOWN)
        ),
        None,
    )


def compose(repository: Path, *words: str) -> None:
    """Run a command of compose on the running stack."""
    command(*compose_program(), *words, folder=repository)
