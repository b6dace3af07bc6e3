"""The alert rules: what is asked, the bound, and what to do. `docs/monitoring.md` gives reasons."""

from dataclasses import dataclass
from typing import Literal

from grafana import promql, queries
from grafana.panels import METRICS_UID, UID

HOUR_S = 3600
OLD_S = 120
"""Rows are written within 2 s; a restart of the database takes less than this."""
FULL_SHARE = 0.5
SILENT_S = 300
"""The writer waits for DATABASE_TIMEOUT_S (30) and retries within 5 s.

While the login is refused, it looks each second whether it may log in again.
"""


@dataclass(frozen=True)
class Query:
    """What is asked, in the language of its data source; SQL sees the last ``range_s`` seconds."""

    text: str
    range_s: int = 300
    source: str = UID


@dataclass(frozen=True)
class Condition:
    """When a rule fires: once its number has been over or under a threshold for ``for_``."""

    operator: Literal["gt", "lt"]
    threshold: float
    for_: str


@dataclass(frozen=True)
class Rule:
    """An alert rule; ``without_data`` is its state if the query finds nothing."""

    uid: str
    title: str
    query: Query
    condition: Condition
    summary: str
    remedy: str
    severity: Literal["critical", "warning", "info"] = "warning"
    area: Literal["serving", "recording", "model"] = "serving"
    without_data: Literal["OK", "Alerting"] = "OK"  # no rows have a rule of their own


def _metrics(expression: str) -> Query:
    return Query(expression, source=METRICS_UID)


ON_ROWS = (
    Rule(
        "p95-latency",
        "p95 latency over 500 ms",
        Query(queries.P95_LATENCY, 300),
        Condition("gt", 500, "5m"),
        "One in twenty predictions of the last 5 minutes took over 500 ms.",
        "Look at the load and at what else uses the processors; serve on more cores.",
    ),
    Rule(
        "no-rows",
        "No predictions for 10 minutes",
        Query(queries.ROWS, 600),
        Condition("lt", 1, "0s"),
        "No traffic, the service is down, or writes are backing up.",
        "Run `python -m db status`, which counts the rows that wait.",
        "info",
    ),
    Rule(
        "confidence-drop",
        "Mean confidence has dropped",
        Query(queries.CONFIDENCE_DROP, 25 * HOUR_S),
        Condition("gt", 0.05, "15m"),
        "The last hour's mean confidence is over 5 points under that of the day before.",
        "Read some of the last predictions; if the texts have changed, train on such texts.",
        area="model",
    ),
    Rule(
        "label-shift",
        "The mix of labels has shifted",
        Query(queries.LABEL_SHIFT, 25 * HOUR_S),
        Condition("gt", 0.2, "15m"),
        "Over a fifth of the last hour's labels would have to change to match the day before.",
        "Read some of the last predictions; news shifts labels, too, and is no fault.",
        area="model",
    ),
)

ON_METRICS = (
    Rule(
        "service-down",
        "The service is down",
        _metrics(promql.UP),
        Condition("lt", 1, "2m"),
        "Prometheus could not read the service's metrics for 2 minutes.",
        "Run `docker compose ps` and `docker compose logs api`; a 401 for /metrics in the log means"
        " that Prometheus was started with other API_KEYS.",
        "critical",
        without_data="Alerting",
    ),
    Rule(
        "server-errors",
        "Over 1 % of the responses are 5xx",
        _metrics(promql.ERROR_SHARE),
        Condition("gt", 0.01, "2m"),
        "Over 1 % of the responses of the last 5 minutes were server errors.",
        "Run `docker compose logs api`: every 5xx is logged with its request's id. 503 says that"
        " predictions could not be recorded: see the spool.",
        "critical",
    ),
    Rule(
        "refusals",
        "Over 1 % of the requests are refused",
        _metrics(promql.REFUSED_SHARE),
        Condition("gt", 0.01, "5m"),
        "Over 1 % of the requests were answered 429 for 5 minutes: the load exceeds the capacity.",
        "Serve on more cores or more machines, or have clients send less at once.",
    ),
    Rule(
        "spool-age",
        "Rows wait for the database for over 2 minutes",
        _metrics(promql.SPOOL_AGE),
        Condition("gt", OLD_S, "3m"),
        "The oldest row in the spool has waited for over 2 minutes: the database is down or slow.",
        "Run `python -m db status` in the service's container, and look at the database. Nothing"
        " is lost: rows are written once it answers.",
        area="recording",
    ),
    Rule(
        "spool-full",
        "The spool is half full",
        _metrics(promql.SPOOL_USED),
        Condition("gt", FULL_SHARE, "1m"),
        "Over half of SPOOL_MAX_ROWS or SPOOL_MAX_MB is used. When it is full, predictions are"
        " refused with 503.",
        "Bring the database back, or raise the bounds if the disk has room.",
        "critical",
        "recording",
    ),
    Rule(
        "dead-letters",
        "The database refuses rows",
        _metrics(promql.DEAD_LETTERS),
        Condition("gt", 0, "1m"),
        "There are dead letters: rows that the database refuses, kept in the spool.",
        "Run `python -m db dead-letters` for the reasons, mend the cause, and retry the rows.",
        area="recording",
    ),
    Rule(
        "writer-stalled",
        "The writer has stopped",
        _metrics(promql.WRITER_SILENCE),
        Condition("gt", SILENT_S, "1m"),
        "The thread that writes rows has not looked for any for 5 minutes; the gauges are as old.",
        "Look for its error in `docker compose logs api`, and restart the service: its rows are in"
        " the spool.",
        "critical",
        "recording",
    ),
)

RULES = (*ON_ROWS, *ON_METRICS)
