"""What is counted of requests: BentoML's metrics, and ours of what does not come that far.

BentoML counts by path, of which clients can think up any number, and only what passes its own
middleware: not the responses that the protocol sends by itself.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from bentoml._internal.server.http import instruments
from bentoml._internal.server.http.instruments import RunnerTrafficMetricsMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from api.contract.requests import BODIES
from api.http.auth import HEALTH_PATHS

KNOWN_PATHS = frozenset(
    {*BODIES, *HEALTH_PATHS, "/", "/docs.json", "/metrics", "/model", "/schema.json"}
)
OTHER = "other"
REAL_PATH = "sentiment.path"
NOT_COUNTED = HEALTH_PATHS | {"/metrics"}  # asked for by probes, all the time, and 503 at a start


class BoundedMetrics(RunnerTrafficMetricsMiddleware):
    """Count all requests for paths that nobody serves as one.

    BentoML 1.4.39 keeps a dozen figures for each path that was ever asked for, even by strangers:
    its middleware stands outside of any of ours.
    """

    def __init__(self, app: ASGIApp, **options: Any) -> None:
        """Wrap an application, with the options of BentoML's own middleware."""
        super().__init__(_behind_its_real_path(app), **options)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count, under a known name, and pass on."""
        if "path" in scope and scope["path"] not in KNOWN_PATHS:
            scope = {**scope, "path": OTHER, REAL_PATH: scope["path"]}
        await super().__call__(scope, receive, send)


def _behind_its_real_path(app: ASGIApp) -> ASGIApp:
    async def restored(scope: Scope, receive: Receive, send: Send) -> None:
        if REAL_PATH in scope:
            scope = {**scope, "path": scope[REAL_PATH]}
        await app(scope, receive, send)

    return restored


def use_bounded_metrics() -> None:
    """Let the services that are made from now on use it."""
    vars(instruments)["RunnerTrafficMetricsMiddleware"] = BoundedMetrics


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
