"""The alert rules, as Grafana's provisioning reads them."""

import json
from dataclasses import dataclass
from typing import Any, Literal

from grafana import queries
from grafana.panels import UID

HOUR_S = 3600
REDUCE, THRESHOLD = "B", "C"


@dataclass(frozen=True)
class Rule:
    """Hold a rule that fires where the figure of a query is ``above`` or ``below`` a bound.

    The query sees the last ``range_s`` seconds; the rule fires once it has held for ``hold``.
    """

    uid: str
    title: str
    statement: str
    range_s: int
    sense: Literal["gt", "lt"]
    bound: float
    hold: str
    summary: str


RULES = (
    Rule(
        "p95-latency",
        "p95 latency over 500 ms",
        queries.P95_LATENCY,
        300,
        "gt",
        500,
        "5m",
        "One in twenty predictions of the last 5 minutes took over 500 ms.",
    ),
    Rule(
        "no-rows",
        "No predictions for 10 minutes",
        queries.ROWS,
        600,
        "lt",
        1,
        "0s",
        "Nobody asks, or the service is down, or its rows wait: see `python -m db status`.",
    ),
    Rule(
        "confidence-drop",
        "Mean confidence has dropped",
        queries.CONFIDENCE_DROP,
        25 * HOUR_S,
        "gt",
        0.05,
        "15m",
        "The last hour's mean confidence is over 5 points under that of the day before.",
    ),
    Rule(
        "label-shift",
        "The mix of labels has shifted",
        queries.LABEL_SHIFT,
        25 * HOUR_S,
        "gt",
        0.2,
        "15m",
        "Over a fifth of the last hour's labels would have to change to match the day before.",
    ),
)


def to_json() -> str:
    """Return the file that Grafana reads."""
    groups = [
        {
            "orgId": 1,
            "name": name,
            "folder": "Sentiment",
            "interval": interval,
            "rules": [_provisioned(rule) for rule in RULES if (rule.range_s > HOUR_S) == is_long],
        }
        # a rule over a day reads all rows of it
        for name, interval, is_long in (
            ("sentiment", "1m", False),
            ("sentiment by day", "5m", True),
        )
    ]
    return json.dumps({"apiVersion": 1, "groups": groups}, indent=2, sort_keys=True) + "\n"


def _provisioned(rule: Rule) -> dict[str, Any]:
    query = {"format": "time_series", "rawQuery": True, "rawSql": rule.statement}
    bound = {"evaluator": {"type": rule.sense, "params": [rule.bound]}}
    return {
        "uid": rule.uid,
        "title": rule.title,
        "condition": THRESHOLD,
        "for": rule.hold,
        "noDataState": "OK",  # no rows have a rule of their own
        "execErrState": "Error",
        "annotations": {"summary": rule.summary},
        "data": [
            _node("A", UID, rule.range_s, query),
            _node(REDUCE, "__expr__", 0, {"type": "reduce", "expression": "A", "reducer": "last"}),
            _node(
                THRESHOLD,
                "__expr__",
                0,
                {"type": "threshold", "expression": REDUCE, "conditions": [bound]},
            ),
        ],
    }


def _node(name: str, source: str, range_s: int, model: dict[str, Any]) -> dict[str, Any]:
    return {
        "refId": name,
        "datasourceUid": source,
        "relativeTimeRange": {"from": range_s, "to": 0},
        "model": model | {"refId": name},
    }
