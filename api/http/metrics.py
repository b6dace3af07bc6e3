"""Prometheus counters of responses and rejected requests.

BentoML's own metrics lack the responses that the HTTP protocol sends by itself. prometheus_client
must be imported after BentoML has set its environment, and registers a metric only once.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from api.http.auth import HEALTH_PATHS

NOT_COUNTED = HEALTH_PATHS | {"/metrics"}  # frequent probes, which return 503 during a start


@cache
def rejected_requests() -> Any:
    """Return the counter of requests that admission control rejected."""
    import prometheus_client as prometheus  # pylint: disable=import-outside-toplevel

    return prometheus.Counter(
        "sentiment_requests_refused", "Requests rejected with 429: too many texts were waiting."
    )


@cache
def responses() -> Mapping[int, Any]:
    """Return the counters of responses by the first digit of the status.

    All exist from the start, at zero: Prometheus sees no increase in a counter that appears with
    its first error.
    """
    import prometheus_client as prometheus  # pylint: disable=import-outside-toplevel

    counter = prometheus.Counter(
        "sentiment_responses",
        "Responses by status class, without health checks and scrapes.",
        ["status_class"],
    )
    return {digit: counter.labels(f"{digit}xx") for digit in range(2, 6)}


def count_response(status: int) -> None:
    """Count a response; ``status`` is 200 or more."""
    responses()[status // 100].inc()
