"""Prometheus reads the service's metrics as compose has them read, and the alert rules' numbers."""

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
from tests.monitoring.prometheus import FOLDER, Prometheus, composed, promtool
from tests.support.broken_models import POISON
from tests.support.server import READY_TIMEOUT_S, Server, eventually

WITH_KEY = {"X-API-Key": KEY}
SHOWN_WITHIN_S = 30
CALLERS = 8
LONG_TEXTS = ["so many words about a long and beautiful day " * 100] * 128


def test_the_configuration_is_valid_and_names_the_file_that_is_written(tmp_path: Path) -> None:
    text = (FOLDER / "prometheus.yml").read_text(encoding="utf-8")
    key_file = composed()["environment"]["KEY_FILE"]
    (scrape,) = yaml.safe_load(text)["scrape_configs"]
    (tmp_path / "key").touch()
    (tmp_path / "prometheus.yml").write_text(
        text.replace(key_file, str(tmp_path / "key")), encoding="utf-8"
    )

    done = promtool("check", "config", "prometheus.yml", folder=tmp_path)

    assert 0 == done.returncode, done.stdout
    assert key_file == scrape["authorization"]["credentials_file"]


def test_the_key_is_in_a_file_of_its_own_alone(prometheus: Prometheus) -> None:
    assert prometheus.process is not None
    process = psutil.Process(prometheus.process.pid)

    assert "prometheus" == process.name()
    assert KEY == prometheus.key_file.read_text(encoding="utf-8")
    assert 0o600 == stat.S_IMODE(prometheus.key_file.stat().st_mode)
    assert KEY not in " ".join(process.cmdline())
    assert KEY not in str(process.environ())
    assert KEY not in prometheus.log


def test_the_metrics_are_for_those_who_have_a_key(
    repository: Path, server: Server, prometheus: Prometheus, tmp_path: Path
) -> None:
    query, _ = rule_expressions(repository)["service-down"]
    assert 401 == httpx.get(f"{server.url}/metrics").status_code

    with Prometheus(tmp_path, server.port, "a-wrong-key") as stranger:
        assert eventually(lambda: [0.0] == stranger.ask(query), SHOWN_WITHIN_S)
    assert eventually(lambda: [1.0] == prometheus.ask(query), SHOWN_WITHIN_S)


@pytest.mark.parametrize("keys", ["", " , "])
def test_without_keys_the_scrape_carries_none(keys: str, tmp_path: Path) -> None:
    with (
        listening() as (port, headers),
        Prometheus(tmp_path, port, keys) as prometheus,
    ):
        assert eventually(lambda: 1 == prometheus.number("up"), SHOWN_WITHIN_S)
        assert "" == prometheus.key_file.read_text(encoding="utf-8")

    assert {"", "Bearer"} >= {value.strip() for value in headers}


def test_every_panel_and_rule_finds_something(repository: Path, prometheus: Prometheus) -> None:
    panels = panel_expressions(repository, "operations")
    rules = rule_expressions(repository)

    assert eventually(lambda: [1.0] == prometheus.ask("up"), SHOWN_WITHIN_S)
    for expression in panels:
        shown = expression.replace("$__rate_interval", "1m")
        eventually(lambda shown=shown: prometheus.ask(shown), SHOWN_WITHIN_S)
    for expression, _ in rules.values():  # one number each, or there would be several alerts
        eventually(lambda shown=expression: 1 == len(prometheus.ask(shown)), SHOWN_WITHIN_S)
    assert 10 <= len(panels)
    assert 7 == len(rules)


def test_what_goes_wrong_is_seen(repository: Path, server: Server, prometheus: Prometheus) -> None:
    value = {uid: query for uid, (query, _) in rule_expressions(repository).items()}
    eventually(lambda: 0 == prometheus.number(value["server-errors"]), SHOWN_WITHIN_S)
    assert 0 == prometheus.number(value["refusals"])

    refused = eventually(lambda: flood(server), READY_TIMEOUT_S)
    errors = [predict(server, POISON) for _ in range(5)]
    while predict(server, "fill the spool") != 503:
        pass

    assert {500} == set(errors)
    eventually(
        lambda: prometheus.number("sentiment_requests_refused_total") >= refused, SHOWN_WITHIN_S
    )
    eventually(lambda: 0.01 < prometheus.number(value["refusals"]) < 1, SHOWN_WITHIN_S)
    eventually(lambda: 0.01 < prometheus.number(value["server-errors"]) < 1, SHOWN_WITHIN_S)
    eventually(lambda: 1 == prometheus.number(value["spool-full"]), SHOWN_WITHIN_S)
    assert MAX_ROWS == prometheus.number("sentiment_spool_rows")
    assert 0 < prometheus.number(value["spool-age"])
    assert 0 == prometheus.number(value["dead-letters"])
    assert 0 <= prometheus.number(value["writer-stalled"]) < 300


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
    assert prometheus.ask("up")


def predict(server: Server, text: str) -> int:
    """Ask for a prediction; return the status."""
    body = {"text": text}
    return httpx.post(f"{server.url}/predict", json=body, headers=WITH_KEY).status_code


def flood(server: Server) -> int:
    """Send more texts than the service takes at once; return how many requests are refused."""

    def ask(_number: int) -> int:
        body = {"texts": LONG_TEXTS}
        answer = httpx.post(f"{server.url}/predict_batch", json=body, headers=WITH_KEY)
        return answer.status_code

    with ThreadPoolExecutor(CALLERS) as callers:
        return list(callers.map(ask, range(CALLERS))).count(429)


@contextmanager
def listening() -> Iterator[tuple[int, list[str]]]:
    """Show one metric on a port, without keys; the list grows by what is sent as Authorization."""
    sent: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        """Show it."""

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
