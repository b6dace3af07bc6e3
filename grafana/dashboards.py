"""The dashboards: predictions, operations, and model quality."""

from grafana_foundation_sdk.builders.dashboard import Dashboard, QueryVariable
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import (
    AnnotationQuery,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from grafana import promql, queries, rules
from grafana.panels import (
    DATABASE,
    FULL_WIDTH,
    HALF_WIDTH,
    HEIGHT,
    SQLQuery,
    prometheus_panel,
    stat_panel,
    table_panel,
    timeseries_panel,
)

SLOW = ((100, "yellow"), (500, "red"))
"""Milliseconds."""

LATE = ((2, "yellow"), (60, "red"))
"""Seconds; the first is the promise for a healthy database."""


def service() -> Dashboard:
    """Return the dashboard of predictions."""
    panels = (
        timeseries_panel("Predictions per second", queries.REQUESTS, "reqps").description(
            "Each text of a /predict_batch counts as one."
        ),
        timeseries_panel("Latency", queries.LATENCY, "ms", SLOW),
        timeseries_panel("Mean confidence", queries.CONFIDENCE, "percentunit"),
        timeseries_panel("Label shares", queries.LABELS, "short", stacked=True),
        timeseries_panel(
            f"Share of predictions below {queries.LOW_CONFIDENCE:.0%} confidence",
            queries.LOW_CONFIDENCE_SHARE,
            "percentunit",
            ((0.3, "yellow"), (0.5, "red")),
        ),
        timeseries_panel("Batch size", queries.BATCH_SIZE, "short"),
        timeseries_panel("Delay from prediction to row", queries.DELAY, "s", LATE),
        stat_panel("Age of the newest row", queries.NEWEST_ROW, "s", ((60, "yellow"), (600, "red")))
        .height(HEIGHT)
        .span(HALF_WIDTH),
        timeseries_panel("Share of truncated texts", queries.TRUNCATED_SHARE, "percentunit")
        .span(FULL_WIDTH)
        .description("Texts longer than the model's maximum number of tokens."),
        table_panel("Latest predictions", queries.LAST_PREDICTIONS),
    )
    dashboard = (
        _dashboard("Sentiment service", "sentiment-service", refresh="5s", since="now-15m")
        .with_variable(_variable("model_tag", "Model", queries.MODEL_TAGS))
        .with_variable(_variable("label", "Label", queries.LABEL_NAMES))
        .annotation(
            # it builds itself
            _NewModels("New model", DATABASE, True, icon_color="purple")  # type: ignore[arg-type]
        )
    )
    for panel in panels:
        dashboard.with_panel(panel)
    return dashboard


def operations() -> Dashboard:
    """Return the dashboard of the service's own metrics."""
    panels = (
        prometheus_panel("Responses", {"{{status_class}}": promql.RESPONSES}, "reqps").description(
            "By class of status, without health checks and scrapes."
        ),
        prometheus_panel(
            "Errors (5xx) and refusals (429)",
            {"5xx": promql.ERRORS, "429": promql.REFUSALS},
            "reqps",
        ),
        prometheus_panel("Rows in the spool", {"rows": promql.SPOOL_ROWS}, "short"),
        prometheus_panel(
            "Age of the oldest row in the spool",
            {"age": promql.SPOOL_AGE},
            "s",
            ((LATE[0][0], "yellow"), (rules.MAX_SPOOL_AGE_S, "red")),
        ),
        prometheus_panel(
            "Spool usage",
            {"used": promql.SPOOL_USED},
            "percentunit",
            ((rules.MAX_SPOOL_USAGE, "red"),),
        ).description("At 100 % predictions are refused with 503."),
        prometheus_panel("Dead letters", {"rows": promql.DEAD_LETTERS}, "short", ((1, "red"),)),
        prometheus_panel(
            "Rows written and retried",
            {"written": promql.ROWS_WRITTEN, "retried": promql.ROWS_RETRIED},
            "cps",
        ),
        prometheus_panel("p95 duration of a flush", {"p95": promql.FLUSH_P95}, "s"),
        prometheus_panel("Service up", {"up": promql.UP}, "short").description(
            "1 if Prometheus could scrape the service."
        ),
        prometheus_panel(
            "Time since the writer's last attempt",
            {"age": promql.WRITER_SILENCE},
            "s",
            ((rules.MAX_WRITER_SILENCE_S, "red"),),
        ),
    )
    # refreshed as often as Prometheus scrapes
    dashboard = _dashboard(
        "Sentiment operations", "sentiment-operations", refresh="15s", since="now-1h"
    )
    for panel in panels:
        dashboard.with_panel(panel)
    return dashboard


def quality() -> Dashboard:
    """Return the dashboard of training runs."""
    panels = (
        timeseries_panel("Accuracy on the evaluation rows", queries.ACCURACY, "percentunit"),
        timeseries_panel("Macro recall and F1 of the candidate", queries.QUALITY, "percentunit"),
        timeseries_panel(
            "Expected calibration error",
            queries.CALIBRATION,
            "percentunit",
            ((0.1, "yellow"), (0.2, "red")),
        ),
        timeseries_panel("p-value", queries.P_VALUE, "none", ((0.05, "red"),)),
        timeseries_panel("Training loss", queries.LOSS, "none"),
        timeseries_panel("Duration of the run", queries.DURATION, "s"),
        stat_panel("Promoted models and runs", queries.PROMOTED, "short"),
        table_panel("Latest runs", queries.LAST_RUNS),
    )
    dashboard = _dashboard("Model quality", "model-quality", refresh="1m", since="now-90d")
    for panel in panels:
        dashboard.with_panel(panel)
    return dashboard


def to_json(dashboard: Dashboard) -> str:
    """Return the file that Grafana reads."""
    return JSONEncoder(sort_keys=True, indent=2).encode(dashboard.build()) + "\n"


def _dashboard(title: str, uid: str, *, refresh: str, since: str) -> Dashboard:
    return (
        Dashboard(title)
        .uid(uid)
        .tags(["sentiment"])
        .timezone("browser")
        .refresh(refresh)
        .time(since, "now")
    )


def _variable(name: str, label: str, statement: str) -> QueryVariable:
    return (
        QueryVariable(name)
        .label(label)
        .datasource(DATABASE)
        .query(statement)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(name)  # the column itself, so that "All" matches even if nothing can be chosen
        .current(VariableOption(selected=True, text="All", value="$__all"))
    )


class _NewModels(AnnotationQuery):
    """Marks the first prediction of a model; the SDK has no annotations by SQL."""

    def to_json(self) -> dict[str, object]:
        """Return the annotation as dashboards contain it."""
        return super().to_json() | {"target": SQLQuery(queries.NEW_MODELS, "table").to_json()}

    def build(self) -> AnnotationQuery:
        """Return itself: dashboards expect builders."""
        return self
