"""Panels that ask the database or Prometheus, with unit and thresholds."""

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

UID = "predictions"
METRICS_UID = "prometheus"
"""Of the data sources in `provisioning/datasources/`."""

SOURCE = DataSourceRef(type_val="mssql", uid=UID)
METRICS_SOURCE = DataSourceRef(type_val="prometheus", uid=METRICS_UID)
MIN_INTERVAL = "5s"
HEIGHT = 8
HALF, WHOLE = 12, 24

Thresholds = tuple[tuple[float, str], ...]


class SQL(Dataquery):
    """A query of Grafana's SQL data sources, for which the SDK has no class of its own."""

    def __init__(self, statement: str, form: str) -> None:
        self.statement = statement
        self.form = form

    def to_json(self) -> dict[str, object]:
        """Return the query as dashboards hold it."""
        return {
            "refId": "A",
            "datasource": SOURCE,
            "editorMode": "code",
            "format": self.form,
            "rawQuery": True,
            "rawSql": self.statement,
        }

    def build(self) -> "SQL":
        """Return itself: panels take builders."""
        return self


def chart(
    title: str, statement: str, unit: str, thresholds: Thresholds = (), *, is_share: bool = False
) -> timeseries.Panel:
    """Return figures over time, drawn as a stack that sums up to 100 % where they are shares."""
    panel = _timeseries(title, SOURCE, unit, thresholds).with_target(
        SQL(statement, "time_series")  # type: ignore[arg-type]  # it builds itself
    )
    if is_share:
        panel.stacking(StackingConfig().mode(StackingMode.PERCENT)).fill_opacity(40)
    return panel


def metrics_chart(
    title: str, expressions: Mapping[str, str], unit: str, thresholds: Thresholds = ()
) -> timeseries.Panel:
    """Return a panel of PromQL expressions over time, by their legends."""
    panel = _timeseries(title, METRICS_SOURCE, unit, thresholds)
    for name, (legend, expression) in zip("ABCD", expressions.items(), strict=False):
        panel.with_target(
            prometheus.Dataquery()
            .ref_id(name)
            .datasource(METRICS_SOURCE)
            .expr(expression)
            .legend_format(legend)
            .range()
        )
    return panel


def _timeseries(
    title: str, source: DataSourceRef, unit: str, thresholds: Thresholds
) -> timeseries.Panel:
    panel = (
        timeseries.Panel()
        .title(title)
        .datasource(source)
        .interval(MIN_INTERVAL)
        .unit(unit)
        .thresholds(steps(thresholds))
        .height(HEIGHT)
        .span(HALF)
    )
    if thresholds:
        panel.thresholds_style(GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.DASHED))
    return panel


def number(title: str, statement: str, unit: str, thresholds: Thresholds) -> stat.Panel:
    """Return the one row of a query in large figures."""
    return (
        stat.Panel()
        .title(title)
        .datasource(SOURCE)
        .with_target(SQL(statement, "table"))  # type: ignore[arg-type]
        .reduce_options(ReduceDataOptions().calcs(["lastNotNull"]))
        .unit(unit)
        .thresholds(steps(thresholds))
        .height(HEIGHT // 2)
        .span(WHOLE)
    )


def rows(title: str, statement: str) -> table.Panel:
    """Return a table."""
    return (
        table.Panel()
        .title(title)
        .datasource(SOURCE)
        .with_target(SQL(statement, "table"))  # type: ignore[arg-type]
        .unit("none")  # else a seed is abbreviated
        .thresholds(steps(()))
        .height(HEIGHT)
        .span(WHOLE)
    )


def steps(thresholds: Thresholds) -> Builder[Any]:
    """Return thresholds: green at first, each colour from its value on."""
    marks = [Threshold(value=None, color="green")]
    marks += [Threshold(value=value, color=color) for value, color in thresholds]
    return ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(marks)
