"""What Grafana would send to SQL Server: the committed queries, their macros expanded.

The macros are those of Grafana 11.6's data source for SQL Server (pkg/tsdb/mssql/macros.go), the
variables those of its front end.
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
    """Hold what a user has chosen: a range of time in UTC, its buckets, models and labels.

    None of models or labels stands for "All".
    """

    start: datetime
    end: datetime
    bucket_s: int
    model_tags: Sequence[str] = ()
    labels: Sequence[str] = ()

    def bucket(self, timestamp: datetime) -> int:
        """Return the bucket of a time, in seconds since 1970."""
        return int(timestamp.replace(tzinfo=UTC).timestamp()) // self.bucket_s * self.bucket_s


def panels(repository: Path, name: str) -> Mapping[str, str]:
    """Return the queries of a dashboard's panels by their titles."""
    content = dashboard(repository, name)
    return {
        panel["title"]: target["rawSql"]
        for panel in content["panels"]
        for target in panel["targets"]
    }


def others(repository: Path, name: str) -> Mapping[str, str]:
    """Return the queries of a dashboard's variables and annotations by their names."""
    content = dashboard(repository, name)
    variables = {one["name"]: one["query"] for one in content["templating"].get("list", ())}
    marks = {one["name"]: one["target"]["rawSql"] for one in content["annotations"].get("list", ())}
    return variables | marks


def rules(repository: Path) -> Mapping[str, tuple[str, int]]:
    """Return query and range in seconds of every alert rule, by its uid."""
    path = repository / "grafana" / "provisioning" / "alerting" / "rules.json"
    groups = json.loads(path.read_text(encoding="utf-8"))["groups"]
    return {
        rule["uid"]: (node["model"]["rawSql"], node["relativeTimeRange"]["from"])
        for group in groups
        for rule in group["rules"]
        for node in rule["data"]
        if "rawSql" in node["model"]
    }


def metric_panels(repository: Path, name: str) -> Sequence[str]:
    """Return the PromQL expressions of a dashboard's panels."""
    content = dashboard(repository, name)
    return [
        target["expr"]
        for panel in content["panels"]
        for target in panel["targets"]
        if "expr" in target
    ]


def metric_rules(repository: Path) -> Mapping[str, tuple[str, dict[str, Any]]]:
    """Return the expression, in PromQL, and all the rest of alert rules on metrics, by uid."""
    path = repository / "grafana" / "provisioning" / "alerting" / "rules.json"
    groups = json.loads(path.read_text(encoding="utf-8"))["groups"]
    return {
        rule["uid"]: (node["model"]["expr"], rule)
        for group in groups
        for rule in group["rules"]
        for node in rule["data"]
        if "expr" in node["model"]
    }


def dashboard(repository: Path, name: str) -> dict[str, Any]:
    """Return a committed dashboard."""
    path = repository / "grafana" / "dashboards" / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8"))


def expand(statement: str, view: View) -> str:
    """Return a statement as SQL Server gets it. Raises AssertionError over an unknown macro."""
    statement = fill(statement, view)
    statement = statement.replace("$__interval_ms", str(view.bucket_s * 1000))
    statement = statement.replace("$__interval", f"{view.bucket_s}s")
    start, end = (f"{moment:%Y-%m-%dT%H:%M:%SZ}" for moment in (view.start, view.end))
    statement = statement.replace("$__timeFrom()", f"'{start}'")
    statement = re.sub(
        r"\$__timeFilter\(([^()]*)\)", rf"\1 BETWEEN '{start}' AND '{end}'", statement
    )
    statement = re.sub(r"\$__timeGroup\(([^(),]*), *'(\d+)([smh])'(?:, *0)?\)", _group, statement)
    if "$" in statement:
        raise AssertionError(f"an unknown macro or variable: {statement}")
    return statement


def in_postgresql(statement: str, view: View, now: datetime) -> str:
    """Return a statement as PostgreSQL understands it, at the moment ``now``."""
    told = expand(statement, view).replace(
        "SYSUTCDATETIME()", f"CAST('{now.isoformat()}' AS DATETIME2)"
    )
    # SQL Server counts the seconds that are over, where sqlglot's translation rounds
    told = told.replace(SINCE_1970, SINCE_1970.replace("timestamp", "DATETRUNC(second, timestamp)"))
    (translated,) = sqlglot.transpile(told, read="tsql", write="postgres")
    # what is ordered by is never NULL, and where NULLs would come keeps PostgreSQL from its indexes
    return re.sub(" NULLS (FIRST|LAST)", "", translated)


def fill(statement: str, view: View) -> str:
    """Return a statement as Grafana's server gets it: its front end fills in the variables.

    For "All" it takes over the variable's own value as it is.
    """
    for name, chosen in (("model_tag", view.model_tags), ("label", view.labels)):
        statement = statement.replace(f"${{{name}:sqlstring}}", _strings(chosen) or name)
    return statement


def since(end: datetime, range_s: int) -> View:
    """Return the view of an alert rule."""
    return View(end - timedelta(seconds=range_s), end, bucket_s=1)


def _strings(values: Sequence[str]) -> str:
    return ",".join("'" + value.replace("'", "''") + "'" for value in values)


def _group(match: re.Match[str]) -> str:
    column, seconds = match[1], int(match[2]) * SECONDS[match[3]]
    return f"FLOOR(DATEDIFF(second, '1970-01-01', {column})/{seconds})*{seconds}"
