"""The dashboards: what was predicted, how the service runs, and what became of the models."""

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
    HALF,
    HEIGHT,
    SOURCE,
    SQL,
    WHOLE,
    chart,
    metrics_chart,
    number,
    rows,
)

SLOW_MS, TOO_SLOW_MS = 100, 500
LATE_S, TOO_LATE_S = 2, 60
"""Rows are promised within the first while the database is healthy."""


def service() -> Dashboard:
    """Return the dashboard of the running service."""
    return (
        Dashboard("Sentiment service")
        .uid("sentiment-service")
        .tags(["sentiment"])
        .timezone("browser")
        .refresh("5s")
        .time("now-15m", "now")
        .with_variable(_choice("model_tag", "Model", queries.MODEL_TAGS))
        .with_variable(_choice("label", "Label", queries.LABEL_NAMES))
        .annotation(
            # it builds itself
            _NewModels("New model", SOURCE, True, icon_color="purple")  # type: ignore[arg-type]
        )
        .with_panel(
            chart("Requests", queries.REQUESTS, "reqps").description(
                "Each text of a /predict_batch counts as one."
            )
        )
        .with_panel(
            chart(
                "Latency",
                queries.LATENCY,
                "ms",
                ((SLOW_MS, "yellow"), (TOO_SLOW_MS, "red")),
            )
        )
        .with_panel(chart("Mean confidence", queries.CONFIDENCE, "percentunit"))
        .with_panel(chart("Labels", queries.LABELS, "short", is_share=True))
        .with_panel(
            chart(
                f"Share of predictions under {queries.LOW_CONFIDENCE:.0%} confidence",
                queries.LOW_CONFIDENCE_SHARE,
                "percentunit",
                ((0.3, "yellow"), (0.5, "red")),
            )
        )
        .with_panel(chart("Texts in a batch", queries.BATCH_SIZE, "short"))
        .with_panel(
            chart(
                "Delay between prediction and row",
                queries.DELAY,
                "s",
                ((LATE_S, "yellow"), (TOO_LATE_S, "red")),
            )
        )
        .with_panel(
            number("Age of the newest row", queries.NEWEST_ROW, "s", ((60, "yellow"), (600, "red")))
            .height(HEIGHT)
            .span(HALF)
        )
        .with_panel(
            chart(
                "Share of texts that the model reads in part",
                queries.TRUNCATED_SHARE,
                "percentunit",
            ).span(WHOLE)
        )
        .with_panel(rows("Last predictions", queries.LAST_PREDICTIONS))
    )


def operations() -> Dashboard:
    """Return the dashboard of how the service runs, from its own metrics."""
    return (
        Dashboard("Sentiment operations")
        .uid("sentiment-operations")
        .tags(["sentiment"])
        .timezone("browser")
        .refresh("15s")  # as Prometheus scrapes
        .time("now-1h", "now")
        .with_panel(
            metrics_chart("Responses", {"{{status_class}}": promql.RESPONSES}, "reqps").description(
                "By class of status; health checks and scrapes are left out."
            )
        )
        .with_panel(
            metrics_chart(
                "Errors and refusals",
                {"5xx": promql.ERRORS, "429": promql.REFUSALS},
                "reqps",
            )
        )
        .with_panel(metrics_chart("Rows in the spool", {"rows": promql.SPOOL_ROWS}, "short"))
        .with_panel(
            metrics_chart(
                "Age of the oldest row in the spool",
                {"age": promql.SPOOL_AGE},
                "s",
                ((LATE_S, "yellow"), (rules.OLD_S, "red")),
            )
        )
        .with_panel(
            metrics_chart(
                "Used share of the spool",
                {"used": promql.SPOOL_USED},
                "percentunit",
                ((rules.FULL_SHARE, "red"),),
            ).description("At 100 % predictions are refused with 503.")
        )
        .with_panel(
            metrics_chart("Dead letters", {"rows": promql.DEAD_LETTERS}, "short", ((1, "red"),))
        )
        .with_panel(
            metrics_chart(
                "Rows written and retried",
                {"written": promql.ROWS_WRITTEN, "retried": promql.ROWS_RETRIED},
                "cps",
            )
        )
        .with_panel(metrics_chart("p95 duration of a flush", {"p95": promql.FLUSH_P95}, "s"))
        .with_panel(metrics_chart("Service is scraped", {"up": promql.UP}, "short"))
        .with_panel(
            metrics_chart(
                "Time since the writer's last attempt",
                {"age": promql.WRITER_SILENCE},
                "s",
                ((rules.SILENT_S, "red"),),
            )
        )
    )


def quality() -> Dashboard:
    """Return the dashboard of training runs."""
    return (
        Dashboard("Model quality")
        .uid("model-quality")
        .tags(["sentiment"])
        .timezone("browser")
        .refresh("1m")
        .time("now-90d", "now")
        .with_panel(chart("Accuracy on the evaluation rows", queries.ACCURACY, "percentunit"))
        .with_panel(chart("The candidate's other figures", queries.QUALITY, "percentunit"))
        .with_panel(
            chart(
                "Expected calibration error",
                queries.CALIBRATION,
                "percentunit",
                ((0.1, "yellow"), (0.2, "red")),
            )
        )
        .with_panel(chart("p-value", queries.P_VALUE, "none", ((0.05, "red"),)))
        .with_panel(chart("Training loss", queries.LOSS, "none"))
        .with_panel(chart("Duration of the run", queries.DURATION, "s"))
        .with_panel(number("Promoted, of all runs", queries.PROMOTED, "short", ()))
        .with_panel(rows("Last runs", queries.LAST_RUNS))
    )


def to_json(dashboard: Dashboard) -> str:
    """Return what Grafana reads."""
    return JSONEncoder(sort_keys=True, indent=2).encode(dashboard.build()) + "\n"


def _choice(name: str, label: str, statement: str) -> QueryVariable:
    return (
        QueryVariable(name)
        .label(label)
        .datasource(SOURCE)
        .query(statement)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(name)  # the column itself, so that "All" holds where there is nothing to choose
        .current(VariableOption(selected=True, text="All", value="$__all"))
    )


class _NewModels(AnnotationQuery):
    """Mark where a model answered first; the SDK knows no annotations by SQL."""

    def to_json(self) -> dict[str, object]:
        """Return the annotation as dashboards hold it."""
        return super().to_json() | {"target": SQL(queries.NEW_MODELS, "table").to_json()}

    def build(self) -> AnnotationQuery:
        """Return itself: dashboards take builders."""
        return self
