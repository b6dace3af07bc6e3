"""Prometheus scrapes the service like in compose, and alert rules see what goes wrong."""

import re
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import psutil
import pytest
import yaml

from grafana.expansion import panel_expressions, rule_expressions
from tests.monitoring.conftest import KEY, MAX_ROWS
from tests.monitoring.prometheus import FOLDER, Prometheus, compose_service, promtool
from tests.support.broken_models import POISON
from tests.support.server import READY_TIMEOUT_S, Server, eventually

WITH_KEY = {"X-API-Key": KEY}
SCRAPE_TIMEOUT_S = 30
CALLERS = 8
LONG_TEXTS = ["so many words about a long and beautiful day " * 100] * 128


def test_the_configuration_is_valid_and_reads_the_key_file(tmp_path: Path) -> None:
    text = (FOLDER / "prometheus.yml").read_text(encoding="utf-8")
    key_file = compose_service()["environment"]["KEY_FILE"]
    (scrape,) = yaml.safe_load(text)["scrape_configs"]
    (tmp_path / "key").touch()
    (tmp_path / "prometheus.yml").write_text(
        text.replace(key_file, str(tmp_path / "key")), encoding="utf-8"
    )

    done = promtool("check", "config", "prometheus.yml", folder=tmp_path)

    assert 0 == done.returncode, done.stdout
    assert key_file == scrape["authorization"]["credentials_file"]


@pytest.mark.slow
def test_the_key_is_only_in_a_private_file(prometheus: Prometheus) -> None:
    assert prometheus.process is not None
    process = psutil.Process(prometheus.process.pid)

    assert "prometheus" == process.name()
    assert KEY == prometheus.key_file.read_text(encoding="utf-8")
    assert 0o600 == stat.S_IMODE(prometheus.key_file.stat().st_mode)
    assert KEY not in " ".join(process.cmdline())
    assert KEY not in str(process.environ())
    assert KEY not in prometheus.log


@pytest.mark.slow
def test_scraping_needs_a_key(
    repository: Path, server: Server, prometheus: Prometheus, tmp_path: Path
) -> None:
    query, _ = rule_expressions(repository)["service-down"]
    assert 401 == httpx.get(f"{server.url}/metrics").status_code

    with Prometheus(tmp_path, server.port, "a-wrong-key") as unauthorized:
        assert eventually(lambda: [0.0] == unauthorized.query(query), SCRAPE_TIMEOUT_S)
    assert eventually(lambda: [1.0] == prometheus.query(query), SCRAPE_TIMEOUT_S)


@pytest.mark.parametrize("keys", ["", " , "])
@pytest.mark.slow
def test_without_api_keys_the_scrape_sends_none(keys: str, tmp_path: Path) -> None:
    with (
        metrics_server() as (port, headers),
        Prometheus(tmp_path, port, keys) as prometheus,
    ):
        assert eventually(lambda: 1 == prometheus.value("up"), SCRAPE_TIMEOUT_S)
        assert "" == prometheus.key_file.read_text(encoding="utf-8")

    assert {"", "Bearer"} >= {value.strip() for value in headers}


@pytest.mark.slow
def test_every_panel_and_rule_has_data(repository: Path, prometheus: Prometheus) -> None:
    panels = panel_expressions(repository, "operations")
    rules = rule_expressions(repository)

    assert eventually(lambda: [1.0] == prometheus.query("up"), SCRAPE_TIMEOUT_S)
    for expression in panels:
        shown = expression.replace("$__rate_interval", "1m")
        eventually(lambda shown=shown: prometheus.query(shown), SCRAPE_TIMEOUT_S)
    for expression, _ in rules.values():  # one series each, otherwise there would be several alerts
        eventually(lambda shown=expression: 1 == len(prometheus.query(shown)), SCRAPE_TIMEOUT_S)
    assert 10 <= len(panels)
    assert 7 == len(rules)


@pytest.mark.slow
def test_errors_refusals_and_a_full_spool_are_seen(
    repository: Path, server: Server, prometheus: Prometheus
) -> None:
    rules = {uid: query for uid, (query, _) in rule_expressions(repository).items()}
    eventually(lambda: 0 == prometheus.value(rules["server-errors"]), SCRAPE_TIMEOUT_S)
    assert 0 == prometheus.value(rules["refusals"])

    refused = eventually(lambda: flood(server), READY_TIMEOUT_S)
    errors = [predict(server, POISON) for _ in range(5)]
    while predict(server, "fill the spool") != 503:
        pass

    assert {500} == set(errors)
    eventually(
        lambda: prometheus.value("sentiment_requests_refused_total") >= refused, SCRAPE_TIMEOUT_S
    )
    eventually(lambda: 0.01 < prometheus.value(rules["refusals"]) < 1, SCRAPE_TIMEOUT_S)
    eventually(lambda: 0.01 < prometheus.value(rules["server-errors"]) < 1, SCRAPE_TIMEOUT_S)
    eventually(lambda: 1 == prometheus.value(rules["spool-full"]), SCRAPE_TIMEOUT_S)
    assert MAX_ROWS == prometheus.value("sentiment_spool_rows")
    assert 0 < prometheus.value(rules["spool-age"])
    assert 0 == prometheus.value(rules["dead-letters"])
    assert 0 <= prometheus.value(rules["writer-stalled"]) < 300


@pytest.mark.slow
def test_probes_and_scrapes_are_not_counted(server: Server, prometheus: Prometheus) -> None:
    def counted() -> list[float]:
        text = httpx.get(f"{server.url}/metrics", headers=WITH_KEY).text
        return list(map(float, re.findall(r"^sentiment_responses_total.* (\S+)$", text, re.M)))

    before = counted()
    assert 401 == httpx.get(f"{server.url}/metrics").status_code
    httpx.get(f"{server.url}/readyz")
    assert before == counted()
    assert 404 == httpx.get(f"{server.url}/nowhere", headers=WITH_KEY).status_code

    assert sum(before) + 1 == sum(counted())
    assert 4 == len(before)
    assert prometheus.query("up")


def predict(server: Server, text: str) -> int:
    """Request a prediction; return the status."""
    body = {"text": text}
    return httpx.post(f"{server.url}/predict", json=body, headers=WITH_KEY).status_code


def flood(server: Server) -> int:
    """Exceed the service's capacity; return the number of refused requests."""

    def send(_number: int) -> int:
        body = {"texts": LONG_TEXTS}
        answer = httpx.post(f"{server.url}/predict_batch", json=body, headers=WITH_KEY)
        return answer.status_code

    with ThreadPoolExecutor(CALLERS) as callers:
        return list(callers.map(send, range(CALLERS))).count(429)


@contextmanager
def metrics_server() -> Iterator[tuple[int, list[str]]]:
    """Serve one metric without authentication; yield port and received Authorization headers."""
    sent: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        """Serves the metric."""

        def do_GET(self) -> None:  # pylint: disable=invalid-name  # the base's name
            """Answer a scrape."""
            sent.append(self.headers.get("Authorization", ""))
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(b"some_metric 1\n")

        def log_message(self, *_: Any) -> None:  # pylint: disable=arguments-differ
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port, sent
        finally:
            server.shutdown()
            thread.join()
