"""Panels with a query, unit and thresholds, for dashboards."""

from collections.abc import Mapping
from typing import Any

from grafana_foundation_sdk.builders import prometheus, stat, table, timeseries
from grafana_foundation_sdk.builders.common import (
    GraphThresholdsStyleConfig,
    ReduceDataOptions,
    StackingConfig,
)
from grafana_foundation_sdk.builders.dashboard import ThresholdsConfig
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.common import GraphThresholdsStyleMode, StackingMode
from grafana_foundation_sdk.models.dashboard import DataSourceRef, Threshold, ThresholdsMode

DATABASE_UID = "predictions"
PROMETHEUS_UID = "prometheus"
"""Of the data sources in `provisioning/datasources/`."""

DATABASE = DataSourceRef(type_val="mssql", uid=DATABASE_UID)
PROMETHEUS = DataSourceRef(type_val="prometheus", uid=PROMETHEUS_UID)
MIN_INTERVAL = "5s"
HEIGHT = 8
HALF_WIDTH, FULL_WIDTH = 12, 24

Thresholds = tuple[tuple[float, str], ...]
"""Values and the colors from there on; below the first, green."""


class SQLQuery(Dataquery):
    """A query of Grafana's SQL data sources, for which the SDK has no class."""

    def __init__(self, statement: str, query_format: str) -> None:
        self.statement = statement
        self.query_format = query_format

    def to_json(self) -> dict[str, object]:
        """Return the query as dashboards contain it."""
        return {
            "refId": "A",
            "datasource": DATABASE,
            "editorMode": "code",
            "format": self.query_format,
            "rawQuery": True,
            "rawSql": self.statement,
        }

    def build(self) -> "SQLQuery":
        """Return itself: panels expect builders."""
        return self


def timeseries_panel(
    title: str, statement: str, unit: str, thresholds: Thresholds = (), *, stacked: bool = False
) -> timeseries.Panel:
    """Return a panel of a SQL query over time; ``stacked`` shows shares that add up to 100 %."""
    panel = _timeseries(title, DATABASE, unit, thresholds).with_target(
        SQLQuery(statement, "time_series")  # type: ignore[arg-type]  # it builds itself
    )
    if stacked:
        panel.stacking(StackingConfig().mode(StackingMode.PERCENT)).fill_opacity(40)
    return panel


def prometheus_panel(
    title: str, expressions: Mapping[str, str], unit: str, thresholds: Thresholds = ()
) -> timeseries.Panel:
    """Return a panel of PromQL expressions over time, by their legends."""
    panel = _timeseries(title, PROMETHEUS, unit, thresholds)
    for name, (legend, expression) in zip("ABCD", expressions.items(), strict=False):
        panel.with_target(
            prometheus.Dataquery()
            .ref_id(name)
            .datasource(PROMETHEUS)
            .expr(expression)
            .legend_format(legend)
            .range()
        )
    return panel


def stat_panel(title: str, statement: str, unit: str, thresholds: Thresholds = ()) -> stat.Panel:
    """Return a panel of a query with one row, in large digits."""
    return (
        stat.Panel()
        .title(title)
        .datasource(DATABASE)
        .with_target(SQLQuery(statement, "table"))  # type: ignore[arg-type]
        .reduce_options(ReduceDataOptions().calcs(["lastNotNull"]))
        .unit(unit)
        .thresholds(_steps(thresholds))
        .height(HEIGHT // 2)
        .span(FULL_WIDTH)
    )


def table_panel(title: str, statement: str) -> table.Panel:
    """Return a panel of a query's rows."""
    return (
        table.Panel()
        .title(title)
        .datasource(DATABASE)
        .with_target(SQLQuery(statement, "table"))  # type: ignore[arg-type]
        .unit("none")  # otherwise a seed is abbreviated
        .thresholds(_steps(()))
        .height(HEIGHT)
        .span(FULL_WIDTH)
    )


def _timeseries(
    title: str, source: DataSourceRef, unit: str, thresholds: Thresholds
) -> timeseries.Panel:
    panel = (
        timeseries.Panel()
        .title(title)
        .datasource(source)
        .interval(MIN_INTERVAL)
        .unit(unit)
        .thresholds(_steps(thresholds))
        .height(HEIGHT)
        .span(HALF_WIDTH)
    )
    if thresholds:
        panel.thresholds_style(GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.DASHED))
    return panel


def _steps(thresholds: Thresholds) -> Builder[Any]:
    marks = [Threshold(value=None, color="green")]
    marks += [Threshold(value=value, color=color) for value, color in thresholds]
    return ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(marks)
