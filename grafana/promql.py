"""The PromQL expressions of panels and alert rules.

Panels use Grafana's `$__rate_interval`; alert rules need a fixed window, since Grafana expands
variables in panels only. The service's counters start at zero.
"""

JOB = "sentiment"
"""The job in `prometheus/prometheus.yml`."""

WINDOW = "5m"
MIN_ERRORS = 3
"""With fewer errors in a window the share of errors counts as 0."""

_PANEL = "$__rate_interval"


def _rate(counter: str, window: str) -> str:
    return f"sum(rate({counter}[{window}]))"


def _share(part: str, window: str) -> str:
    """Return a counter's share of all responses, 0 without responses."""
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

# --- alert rules: one value each ----------------------------------------------------------------

REFUSED_SHARE = _share(_REFUSED, WINDOW)
ERROR_SHARE = (
    f"({_share(_ERRORS, WINDOW)}) * (sum(increase({_ERRORS}[{WINDOW}])) >= bool {MIN_ERRORS})"
)
WRITER_SILENCE = "time() - max(sentiment_writer_last_attempt_timestamp_seconds)"
