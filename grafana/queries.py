"""The SQL queries of panels and alert rules, in T-SQL with Grafana's macros.

`$__timeFilter` is applied to the bare column, so that its index is used. Buckets are whole seconds.
Percentiles are by nearest rank, which every version of SQL Server computes in one pass over a
bucket's rows.
"""

LOW_CONFIDENCE = 0.6
MIN_ROWS = 100
"""With fewer rows, recently or before, no shift is reported."""

CHOSEN = (
    "$__timeFilter(timestamp) AND model_tag IN (${model_tag:sqlstring})"
    " AND label IN (${label:sqlstring})"
)
BUCKET = "$__timeGroup(timestamp, '$__interval')"
BUCKET_OR_0 = "$__timeGroup(timestamp, '$__interval', 0)"
"""The same; Grafana adds buckets without rows, filled with zeros."""


def over_time(columns: str, bucket: str = BUCKET) -> str:
    """Return a query of aggregates by time bucket."""
    return (
        f"SELECT {bucket} AS time, {columns} FROM metrics WHERE {CHOSEN}"  # noqa: S608  # constants
        f" GROUP BY {BUCKET} ORDER BY 1"
    )


def _ranked(bucket: str, where: str) -> str:
    """Return a query of each row's rank by latency in its bucket, and the bucket's size."""
    return (
        f"SELECT bucket, latency_ms,"  # noqa: S608  # constants
        " ROW_NUMBER() OVER (PARTITION BY bucket ORDER BY latency_ms) AS position,"
        " COUNT(*) OVER (PARTITION BY bucket) AS total"
        f" FROM (SELECT {bucket} AS bucket, latency_ms FROM metrics WHERE {where}) AS chosen"
    )


def _percentile(percent: int) -> str:
    return f"MIN(CASE WHEN position * 100 >= total * {percent} THEN latency_ms END)"


REQUESTS = over_time("COUNT(*) * 1000.0 / $__interval_ms AS predictions", BUCKET_OR_0)
LATENCY = (
    "SELECT bucket AS time, AVG(latency_ms) AS mean,"  # noqa: S608  # constants
    f" {_percentile(50)} AS p50, {_percentile(95)} AS p95, {_percentile(99)} AS p99"
    f" FROM ({_ranked(BUCKET, CHOSEN)}) AS ranked GROUP BY bucket ORDER BY 1"
)
CONFIDENCE = over_time("AVG(confidence) AS confidence")
LABELS = (
    f"SELECT {BUCKET} AS time, label AS metric, COUNT(*) AS value"  # noqa: S608  # constants
    f" FROM metrics WHERE {CHOSEN} GROUP BY {BUCKET}, label ORDER BY 1, 2"
)
LOW_CONFIDENCE_SHARE = over_time(
    f"AVG(CASE WHEN confidence < {LOW_CONFIDENCE} THEN 1.0 ELSE 0.0 END) AS share"
)
# Each batch has as many rows as texts, so the reciprocals of its size add up to 1.
BATCH_SIZE = over_time("COUNT(*) / SUM(1e0 / batch_size) AS mean, MAX(batch_size) AS largest")
# Rows older than the column have no value, and do not count.
TRUNCATED_SHARE = over_time("AVG(CAST(truncated AS int) * 1.0) AS share")
# DATEDIFF in milliseconds overflows after 24 days, and a database may be down for longer.
_DELAY_S = "DATEDIFF_BIG(millisecond, timestamp, recorded_at) / 1000.0"
DELAY = over_time(f"AVG({_DELAY_S}) AS mean, MAX({_DELAY_S}) AS longest")
# Of all rows: it must also show an age beyond the dashboard's range.
NEWEST_ROW = "SELECT DATEDIFF(second, MAX(timestamp), SYSUTCDATETIME()) AS age FROM metrics"
LAST_PREDICTIONS = (
    "SELECT TOP 50 timestamp, label, confidence, latency_ms, batch_size, truncated, model_tag,"  # noqa: S608
    " text"
    f" FROM metrics WHERE {CHOSEN} ORDER BY timestamp DESC"
)
# Without the model that was in use before the range.
NEW_MODELS = (
    "SELECT MIN(timestamp) AS time, model_tag AS text FROM metrics"
    " WHERE $__timeFilter(timestamp) AND model_tag NOT IN (SELECT TOP 1 model_tag FROM metrics"
    " WHERE timestamp < $__timeFrom() ORDER BY timestamp DESC) GROUP BY model_tag"
)
MODEL_TAGS = "SELECT DISTINCT model_tag FROM metrics WHERE $__timeFilter(timestamp)"
LABEL_NAMES = "SELECT DISTINCT label FROM metrics WHERE $__timeFilter(timestamp)"


def training_runs(columns: str) -> str:
    """Return a query of columns by training run."""
    return (
        f"SELECT timestamp AS time, {columns} FROM training_runs"  # noqa: S608  # constants
        " WHERE $__timeFilter(timestamp) ORDER BY 1"
    )


ACCURACY = training_runs(
    "accuracy AS candidate, champion_accuracy AS champion, base_accuracy AS base"
)
QUALITY = training_runs("macro_recall, macro_f1")
CALIBRATION = training_runs("expected_calibration_error")
P_VALUE = training_runs("p_value")
LOSS = training_runs("loss")
DURATION = training_runs("duration_s")
PROMOTED = (
    "SELECT COALESCE(SUM(CASE WHEN decision = 'promoted' THEN 1 ELSE 0 END), 0) AS promoted,"
    " COUNT(*) AS runs FROM training_runs WHERE $__timeFilter(timestamp)"
)
LAST_RUNS = (
    "SELECT TOP 50 timestamp, decision, reason, accuracy, champion_accuracy, p_value, [precision],"
    " model_tag, base_model, train_size, eval_size, seed, duration_s, git_commit"
    " FROM training_runs WHERE $__timeFilter(timestamp) ORDER BY timestamp DESC"
)

# --- alert rules: one row with a time and a value, no variables ----------------------------------

_EVERYTHING = "$__timeFilter(timestamp)"
_RECENT = "timestamp >= DATEADD(hour, -1, SYSUTCDATETIME())"
_NOW = "SYSUTCDATETIME() AS time"

P95_LATENCY = (
    f"SELECT {_NOW}, {_percentile(95)} AS p95"  # noqa: S608  # constants
    f" FROM ({_ranked('1', _EVERYTHING)}) AS ranked"
)
ROWS = f"SELECT {_NOW}, COUNT(*) AS rows_found FROM metrics WHERE {_EVERYTHING}"  # noqa: S608
CONFIDENCE_DROP = (
    f"SELECT {_NOW}, CASE"  # noqa: S608  # constants
    f" WHEN COUNT(CASE WHEN {_RECENT} THEN 1 END) < {MIN_ROWS} THEN 0.0"
    f" WHEN COUNT(CASE WHEN {_RECENT} THEN NULL ELSE 1 END) < {MIN_ROWS} THEN 0.0"
    f" ELSE AVG(CASE WHEN {_RECENT} THEN NULL ELSE confidence END)"
    f" - AVG(CASE WHEN {_RECENT} THEN confidence END) END AS confidence_drop"
    f" FROM metrics WHERE {_EVERYTHING}"
)
# Total variation distance: half the sum of the differences of all labels' shares.
LABEL_SHIFT = (
    f"SELECT {_NOW},"  # noqa: S608  # constants
    # NULLIF: SQL Server may divide before it filters rows
    " COALESCE(SUM(ABS(recent * 1.0 / NULLIF(recent_total, 0)"
    " - earlier * 1.0 / NULLIF(earlier_total, 0))) / 2, 0.0)"
    " AS label_shift FROM ("
    " SELECT recent, earlier, SUM(recent) OVER () AS recent_total,"
    " SUM(earlier) OVER () AS earlier_total FROM ("
    f" SELECT label, SUM(CASE WHEN {_RECENT} THEN 1 ELSE 0 END) AS recent,"
    f" SUM(CASE WHEN {_RECENT} THEN 0 ELSE 1 END) AS earlier"
    f" FROM metrics WHERE {_EVERYTHING} GROUP BY label) AS counted) AS mixed"
    f" WHERE recent_total >= {MIN_ROWS} AND earlier_total >= {MIN_ROWS}"
)
