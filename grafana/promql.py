"""The PromQL expressions of panels and alert rules.

Panels take their window from Grafana (`$__rate_interval`), alert rules a fixed one, since Grafana
fills in variables for panels alone. Counters of the service exist from its start, at zero.
"""

JOB = "sentiment"
"""Of the scrapes in `prometheus/prometheus.yml`."""

WINDOW = "5m"
MIN_ERRORS = 3
"""With fewer errors than this in a window, their share is taken as 0."""

_PANEL = "$__rate_interval"


def _rate(counter: str, window: str) -> str:
    return f"sum(rate({counter}[{window}]))"


def _share(part: str, window: str) -> str:
    """Return the share of a counter in all responses, 0 without any."""
    whole = _rate("sentiment_responses_total", window)
    return f"{_rate(part, window)} / clamp_min({whole}, 1e-9)"


_REFUSED = "sentiment_requests_refused_total"
_ERRORS = 'sentiment_responses_total{status_class="5xx"}'

RESPONSES = f"sum by (status_class) (rate(sentiment_responses_total[{_PANEL}]))"
REFUSALS = _rate(_REFUSED, _PANEL)
ERRORS = _rate(_ERRORS, _PANEL)
SPOOL_ROWS = "sum(sentiment_spool_rows)"
SPOOL_AGE = "max(sentiment_spool_oldest_age_seconds)"
SPOOL_USED = "max(sentiment_spool_used_ratio)"
DEAD_LETTERS = "sum(sentiment_quarantine_rows)"
ROWS_WRITTEN = _rate("sentiment_rows_written_total", _PANEL)
ROWS_RETRIED = _rate("sentiment_rows_retried_total", _PANEL)
FLUSH_P95 = (
    f"histogram_quantile(0.95, sum by (le) (rate(sentiment_flush_seconds_bucket[{_PANEL}])))"
)
UP = f'min(up{{job="{JOB}"}})'

# --- alert rules: one number each ---------------------------------------------------------------

REFUSED_SHARE = _share(_REFUSED, WINDOW)
ERROR_SHARE = (
    f"({_share(_ERRORS, WINDOW)}) * (sum(increase({_ERRORS}[{WINDOW}])) >= bool {MIN_ERRORS})"
)
WRITER_SILENCE = "time() - max(sentiment_writer_last_attempt_timestamp_seconds)"
