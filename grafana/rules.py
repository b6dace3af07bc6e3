"""The alert rules: query, condition, text and remedy. `docs/monitoring.md` explains thresholds."""

from dataclasses import dataclass
from typing import Literal

from grafana import promql, queries
from grafana.panels import DATABASE_UID, PROMETHEUS_UID

HOUR_S = 3600
MAX_SPOOL_AGE_S = 120
"""Rows are written within 2 s; the database restarts in less time."""
MAX_SPOOL_USAGE = 0.5
MAX_WRITER_SILENCE_S = 300
"""The writer waits for DATABASE_TIMEOUT_S (30) and retries within 5 s.

If the login was refused, it checks each second whether it may try again.
"""


@dataclass(frozen=True)
class Query:
    """A statement in its data source's language; SQL covers the last ``range_s`` seconds."""

    text: str
    range_s: int = 300
    source: str = DATABASE_UID


@dataclass(frozen=True)
class Condition:
    """Fires once the query's value has been above or below a threshold for ``for_``."""

    operator: Literal["gt", "lt"]
    threshold: float
    for_: str


@dataclass(frozen=True)
class Rule:
    """An alert rule; ``no_data_state`` is its state if the query returns nothing."""

    uid: str
    title: str
    query: Query
    condition: Condition
    summary: str
    remedy: str
    severity: Literal["critical", "warning", "info"] = "warning"
    area: Literal["serving", "recording", "model"] = "serving"
    no_data_state: Literal["OK", "Alerting"] = "OK"  # `no-rows` covers a lack of rows


def _metrics(expression: str) -> Query:
    return Query(expression, source=PROMETHEUS_UID)


ON_ROWS = (
    Rule(
        "p95-latency",
        "p95 latency over 500 ms",
        Query(queries.P95_LATENCY, 300),
        Condition("gt", 500, "5m"),
        "p95 latency over the last 5 min is above 500 ms.",
        "Check the load and other processes on the machine; serve on more cores.",
    ),
    Rule(
        "no-rows",
        "No rows for 10 min",
        Query(queries.ROWS, 600),
        Condition("lt", 1, "0s"),
        "No rows for 10 min: no traffic, service down, or writes backing up.",
        "Run `python -m db status`, which counts the waiting rows.",
        "info",
    ),
    Rule(
        "confidence-drop",
        "Mean confidence dropped",
        Query(queries.CONFIDENCE_DROP, 25 * HOUR_S),
        Condition("gt", 0.05, "15m"),
        "The last hour's mean confidence is over 5 points below that of the day before.",
        "Read some of the latest predictions; if the texts have changed, train on such texts.",
        area="model",
    ),
    Rule(
        "label-shift",
        "Label shares shifted",
        Query(queries.LABEL_SHIFT, 25 * HOUR_S),
        Condition("gt", 0.2, "15m"),
        "The label shares of the last hour and of the day before differ by over 20 %.",
        "Read some of the latest predictions; news shifts labels too, and is no fault.",
        area="model",
    ),
)

ON_METRICS = (
    Rule(
        "service-down",
        "Service down",
        _metrics(promql.UP),
        Condition("lt", 1, "2m"),
        "Prometheus could not scrape the service for 2 min.",
        "Run `docker compose ps` and `docker compose logs api`; a 401 for /metrics in the log means"
        " that Prometheus was started with other API_KEYS.",
        "critical",
        no_data_state="Alerting",
    ),
    Rule(
        "server-errors",
        "5xx responses over 1 %",
        _metrics(promql.ERROR_SHARE),
        Condition("gt", 0.01, "2m"),
        "Over 1 % of the responses of the last 5 min were server errors.",
        "Run `docker compose logs api`: every 5xx is logged with its request id. 503 means that"
        " predictions could not be recorded: check the spool.",
        "critical",
    ),
    Rule(
        "refusals",
        "429 responses over 1 %",
        _metrics(promql.REFUSED_SHARE),
        Condition("gt", 0.01, "5m"),
        "Over 1 % of the requests were refused with 429 for 5 min: the load exceeds the capacity.",
        "Serve on more cores or machines, or reduce the clients' concurrency.",
    ),
    Rule(
        "spool-age",
        "Spooled rows older than 2 min",
        _metrics(promql.SPOOL_AGE),
        Condition("gt", MAX_SPOOL_AGE_S, "3m"),
        "The oldest row in the spool is over 2 min old: the database is down or slow.",
        "Run `python -m db status` in the service's container, and check the database. Nothing is"
        " lost: rows are written once it answers.",
        area="recording",
    ),
    Rule(
        "spool-full",
        "Spool over 50 % full",
        _metrics(promql.SPOOL_USED),
        Condition("gt", MAX_SPOOL_USAGE, "1m"),
        "Over half of SPOOL_MAX_ROWS or SPOOL_MAX_MB is used. A full spool refuses predictions with"
        " 503.",
        "Repair the database, or raise the limits if the disk has room.",
        "critical",
        "recording",
    ),
    Rule(
        "dead-letters",
        "Dead letters",
        _metrics(promql.DEAD_LETTERS),
        Condition("gt", 0, "1m"),
        "The database refuses rows; they are kept as dead letters in the spool.",
        "Run `python -m db dead-letters` for the reasons, fix the cause, and requeue them with"
        " `--requeue`.",
        area="recording",
    ),
    Rule(
        "writer-stalled",
        "Writer stalled",
        _metrics(promql.WRITER_SILENCE),
        Condition("gt", MAX_WRITER_SILENCE_S, "1m"),
        "The writer thread has not looked for rows for 5 min; the spool's gauges are as old.",
        "Find its error in `docker compose logs api`, and restart the service: its rows stay in the"
        " spool.",
        "critical",
        "recording",
    ),
)

RULES = (*ON_ROWS, *ON_METRICS)
