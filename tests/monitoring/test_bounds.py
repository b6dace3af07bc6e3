"""Each rule fires when it should and only then: promtool runs them on synthetic series.

Prometheus evaluates the rules here, with the same expressions, thresholds and pending times as
Grafana in the real stack.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from grafana.expansion import rule_expressions
from tests.monitoring.prometheus import promtool

SIGN = {"gt": ">", "lt": "<"}
EVERY_S = 15
UP = 'up{job="sentiment"}'
FINE, CLIENTS, SERVERS = (
    f'sentiment_responses_total{{status_class="{digit}xx"}}' for digit in (2, 4, 5)
)
REFUSED = "sentiment_requests_refused_total"
AGE = "sentiment_spool_oldest_age_seconds"
USED = "sentiment_spool_used_ratio"
DEAD = "sentiment_quarantine_rows"
ATTEMPT = "sentiment_writer_last_attempt_timestamp_seconds"
HEALTHY = {
    UP: "1x240",
    FINE: "0+300x240",  # 20 a second
    CLIENTS: "0x240",
    SERVERS: "0x240",
    REFUSED: "0x240",
    AGE: "0x240",
    USED: "0x240",
    DEAD: "0x240",
    ATTEMPT: f"0+{EVERY_S}x240",
}
CASES: Mapping[str, tuple[dict[str, str], str, set[str]]] = {
    "healthy": ({}, "50m", set()),
    "no traffic": ({FINE: "0x240"}, "50m", set()),
    "a restart of a minute": ({UP: "1x100 0x4 1x140"}, "27m", set()),
    "down": ({UP: "1x100 0x140"}, "29m", {"service-down"}),
    "one error among few requests": ({FINE: "0x110 4x130", SERVERS: "0x110 1x130"}, "30m", set()),
    "one error in a thousand": ({FINE: "0+10000x240", SERVERS: "0+10x240"}, "50m", set()),
    "a burst of errors": ({SERVERS: "0x100 400x140"}, "28m", {"server-errors"}),
    "two errors in a hundred": ({SERVERS: "0+6x240"}, "50m", {"server-errors"}),
    "a burst of refusals": (
        {CLIENTS: "0x100 150x140", REFUSED: "0x100 150x140"},
        "29m",
        set(),
    ),
    "refusals for ten minutes": (
        {CLIENTS: "0x100 0+30x140", REFUSED: "0x100 0+30x140"},
        "35m",
        {"refusals"},
    ),
    "invalid requests": ({CLIENTS: "0+300x240"}, "50m", set()),
    "a restart of the database": ({AGE: "0x100 0+15x7 0x140"}, "27m", set()),
    "a database that is down": ({AGE: "0x100 0+15x140"}, "32m", {"spool-age"}),
    "a spool that fills": ({USED: "0x100 0.51x140"}, "27m", {"spool-full"}),
    "a spool that is used": ({USED: "0.4x240"}, "50m", set()),
    "one dead letter": ({DEAD: "0x100 1x140"}, "27m", {"dead-letters"}),
    "a writer that hangs": ({ATTEMPT: "0+15x100 1500x140"}, "33m", {"writer-stalled"}),
}


def prometheus_rules(repository: Path) -> Iterator[dict[str, Any]]:
    """Yield the committed rules in Prometheus's format."""
    for uid, (expression, rule) in rule_expressions(repository).items():
        (evaluator,) = (
            condition["evaluator"]
            for node in rule["data"]
            for condition in node["model"].get("conditions", ())
        )
        (threshold,) = evaluator["params"]
        yield {
            "alert": uid,
            "expr": f"({expression}) {SIGN[evaluator['type']]} {threshold}",
            "for": rule["for"],
        }


@pytest.mark.parametrize("name", CASES)
def test_only_the_expected_rules_fire(repository: Path, tmp_path: Path, name: str) -> None:
    changes, at, fires = CASES[name]
    rules = list(prometheus_rules(repository))
    series = {**HEALTHY, **changes}
    test = {
        "interval": f"{EVERY_S}s",
        "input_series": [{"series": key, "values": values} for key, values in series.items()],
        "alert_rule_test": [
            {
                "eval_time": at,
                "alertname": rule["alert"],
                "exp_alerts": [{"exp_labels": {}}] if rule["alert"] in fires else [],
            }
            for rule in rules
        ],
    }
    files = {
        "rules.yml": {"groups": [{"name": "sentiment", "rules": rules}]},
        "test.yml": {"rule_files": ["rules.yml"], "evaluation_interval": "1m", "tests": [test]},
    }
    for file, content in files.items():
        (tmp_path / file).write_text(yaml.safe_dump(content), encoding="utf-8")

    done = promtool("test", "rules", "test.yml", folder=tmp_path)

    assert 0 == done.returncode, done.stdout


def test_every_rule_fires_in_one_case(repository: Path) -> None:
    seen = set().union(*(fires for _, _, fires in CASES.values()))

    assert set(rule_expressions(repository)) == seen
