"""What is counted of requests: BentoML's metrics, and ours of what does not come that far.

BentoML counts by path, of which clients can think up any number, and only what passes its own
middleware: not the responses that the protocol sends by itself.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from api.http.auth import HEALTH_PATHS

NOT_COUNTED = HEALTH_PATHS | {"/metrics"}  # asked for by probes, all the time, and 503 at a start


@cache
def rejected_requests() -> Any:
    """Return the counter of requests rejected by admission control; it can be registered but once.

    As in `db.writing.metrics`: prometheus_client is imported once BentoML has set its environment.
    """
    import prometheus_client as prometheus  # pylint: disable=import-outside-toplevel

    return prometheus.Counter(
        "sentiment_requests_refused", "Requests answered 429, since too many texts waited."
    )


@cache
def responses() -> Mapping[int, Any]:
    """Return the counters of responses, by the first digit of the status.

    All of them exist from the start, at zero: a counter that appears with its first error has no
    increase that Prometheus could see.
    """
    import prometheus_client as prometheus  # pylint: disable=import-outside-toplevel

    counter = prometheus.Counter(
        "sentiment_responses",
        "Responses by class of status, without those to health checks and scrapes.",
        ["status_class"],
    )
    return {digit: counter.labels(f"{digit}xx") for digit in range(2, 6)}


def count_response(status: int) -> None:
    """Count a response to a request that is no probe; ``status`` is 200 or more."""
    responses()[status // 100].inc()
