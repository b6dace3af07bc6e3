"""The committed queries as Grafana sends them, with macros and variables expanded.

Macros are expanded like Grafana 11.6 does for SQL Server (pkg/tsdb/mssql/macros.go), variables like
its front end does. Tests and benchmarks run the result.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlglot

SINCE_1970 = "DATEDIFF(second, '1970-01-01', timestamp)"
SECONDS = {"s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True)
class View:
    """What a user selected: a time range in UTC, the bucket size, models and labels.

    No models or labels mean "All".
    """

    start: datetime
    end: datetime
    bucket_s: int
    model_tags: Sequence[str] = ()
    labels: Sequence[str] = ()

    def bucket(self, timestamp: datetime) -> int:
        """Return the start of a time's bucket, in seconds since 1970."""
        return int(timestamp.replace(tzinfo=UTC).timestamp()) // self.bucket_s * self.bucket_s


def panel_queries(repository: Path, name: str) -> Mapping[str, str]:
    """Return the SQL of a dashboard's panels by title."""
    content = read_dashboard(repository, name)
    return {
        panel["title"]: target["rawSql"]
        for panel in content["panels"]
        for target in panel["targets"]
    }


def variable_queries(repository: Path, name: str) -> Mapping[str, str]:
    """Return the SQL of a dashboard's variables and annotations by name."""
    content = read_dashboard(repository, name)
    variables = {one["name"]: one["query"] for one in content["templating"].get("list", ())}
    marks = {one["name"]: one["target"]["rawSql"] for one in content["annotations"].get("list", ())}
    return variables | marks


def rule_queries(repository: Path) -> Mapping[str, tuple[str, int]]:
    """Return SQL and range in seconds of alert rules on rows, by uid."""
    return {
        rule["uid"]: (node["model"]["rawSql"], node["relativeTimeRange"]["from"])
        for rule, node in _rule_nodes(repository)
        if "rawSql" in node["model"]
    }


def panel_expressions(repository: Path, name: str) -> Sequence[str]:
    """Return the PromQL expressions of a dashboard's panels."""
    content = read_dashboard(repository, name)
    return [
        target["expr"]
        for panel in content["panels"]
        for target in panel["targets"]
        if "expr" in target
    ]


def rule_expressions(repository: Path) -> Mapping[str, tuple[str, dict[str, Any]]]:
    """Return PromQL and provisioned rule of alert rules on metrics, by uid."""
    return {
        rule["uid"]: (node["model"]["expr"], rule)
        for rule, node in _rule_nodes(repository)
        if "expr" in node["model"]
    }


def read_dashboard(repository: Path, name: str) -> dict[str, Any]:
    """Return a committed dashboard."""
    path = repository / "grafana" / "dashboards" / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8"))


def expand(statement: str, view: View) -> str:
    """Return a statement as SQL Server gets it. Raises ValueError for an unknown macro."""
    statement = fill_variables(statement, view)
    statement = statement.replace("$__interval_ms", str(view.bucket_s * 1000))
    statement = statement.replace("$__interval", f"{view.bucket_s}s")
    start, end = (f"{moment:%Y-%m-%dT%H:%M:%SZ}" for moment in (view.start, view.end))
    statement = statement.replace("$__timeFrom()", f"'{start}'")
    statement = re.sub(
        r"\$__timeFilter\(([^()]*)\)", rf"\1 BETWEEN '{start}' AND '{end}'", statement
    )
    statement = re.sub(r"\$__timeGroup\(([^(),]*), *'(\d+)([smh])'(?:, *0)?\)", _group, statement)
    if "$" in statement:
        raise ValueError(f"unknown macro or variable in {statement}")
    return statement


def to_postgresql(statement: str, view: View, now: datetime) -> str:
    """Return a statement translated for PostgreSQL, at the time ``now``."""
    expanded = expand(statement, view).replace(
        "SYSUTCDATETIME()", f"CAST('{now.isoformat()}' AS DATETIME2)"
    )
    # SQL Server truncates to seconds, sqlglot's translation rounds
    expanded = expanded.replace(
        SINCE_1970, SINCE_1970.replace("timestamp", "DATETRUNC(second, timestamp)")
    )
    (translated,) = sqlglot.transpile(expanded, read="tsql", write="postgres")
    # the sort columns are never NULL, and NULLS FIRST keeps PostgreSQL from using its indexes
    return re.sub(" NULLS (FIRST|LAST)", "", translated)


def fill_variables(statement: str, view: View) -> str:
    """Return a statement as Grafana's front end sends it to its server, with variables filled in.

    "All" becomes the variable's own value.
    """
    for name, chosen in (("model_tag", view.model_tags), ("label", view.labels)):
        statement = statement.replace(f"${{{name}:sqlstring}}", _strings(chosen) or name)
    return statement


def rule_view(end: datetime, range_s: int) -> View:
    """Return the view of an alert rule."""
    return View(end - timedelta(seconds=range_s), end, bucket_s=1)


def _rule_nodes(repository: Path) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return each alert rule with each of its queries and expressions."""
    path = repository / "grafana" / "provisioning" / "alerting" / "rules.json"
    groups = json.loads(path.read_text(encoding="utf-8"))["groups"]
    return [(rule, node) for group in groups for rule in group["rules"] for node in rule["data"]]


def _strings(values: Sequence[str]) -> str:
    return ",".join("'" + value.replace("'", "''") + "'" for value in values)


def _group(match: re.Match[str]) -> str:
    column, seconds = match[1], int(match[2]) * SECONDS[match[3]]
    return f"FLOOR(DATEDIFF(second, '1970-01-01', {column})/{seconds})*{seconds}"
