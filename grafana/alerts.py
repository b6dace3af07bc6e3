"""The alert rules, as Grafana's provisioning reads them."""

import json
from typing import Any

from grafana.panels import PROMETHEUS_UID
from grafana.rules import HOUR_S, RULES, Query, Rule

REDUCE, THRESHOLD = "B", "C"
SERVICE = "sentiment"
"""The label that the notification policy groups by."""


def to_json() -> str:
    """Return the file that Grafana reads."""
    groups = [
        {
            "orgId": 1,
            "name": name,
            "folder": "Sentiment",
            "interval": interval,
            "rules": [
                _provisioned(rule) for rule in RULES if (rule.query.range_s > HOUR_S) == is_long
            ],
        }
        # rules over a day are expensive
        for name, interval, is_long in (
            ("sentiment", "1m", False),
            ("sentiment by day", "5m", True),
        )
    ]
    return json.dumps({"apiVersion": 1, "groups": groups}, indent=2, sort_keys=True) + "\n"


def _provisioned(rule: Rule) -> dict[str, Any]:
    condition = rule.condition
    threshold = {"evaluator": {"type": condition.operator, "params": [condition.threshold]}}
    return {
        "uid": rule.uid,
        "title": rule.title,
        "condition": THRESHOLD,
        "for": condition.for_,
        "noDataState": rule.no_data_state,
        "execErrState": "Error",
        "annotations": {
            "summary": rule.summary,
            "description": f"{rule.remedy} See docs/monitoring.md, {rule.uid}.",
        },
        "labels": {"service": SERVICE, "severity": rule.severity, "area": rule.area},
        "data": [
            _node("A", rule.query.source, rule.query.range_s, _query(rule.query)),
            _node(REDUCE, "__expr__", 0, {"type": "reduce", "expression": "A", "reducer": "last"}),
            _node(
                THRESHOLD,
                "__expr__",
                0,
                {"type": "threshold", "expression": REDUCE, "conditions": [threshold]},
            ),
        ],
    }


def _query(query: Query) -> dict[str, Any]:
    if query.source == PROMETHEUS_UID:
        return {"expr": query.text, "instant": True, "range": False}
    return {"format": "time_series", "rawQuery": True, "rawSql": query.text}


def _node(name: str, source: str, range_s: int, model: dict[str, Any]) -> dict[str, Any]:
    return {
        "refId": name,
        "datasourceUid": source,
        "relativeTimeRange": {"from": range_s, "to": 0},
        "model": model | {"refId": name},
    }
