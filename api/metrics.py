"""What is counted of requests: BentoML's figures, and ours of what does not come that far.

BentoML counts by path, of which clients can think up any number.
"""

from functools import cache
from typing import Any

from bentoml._internal.server.http import instruments
from bentoml._internal.server.http.instruments import RunnerTrafficMetricsMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from api.keys import HEALTH_PATHS
from api.requests import BODIES

KNOWN_PATHS = frozenset(
    {*BODIES, *HEALTH_PATHS, "/", "/docs.json", "/metrics", "/model", "/schema.json"}
)
OTHER = "other"
REAL_PATH = "sentiment.path"


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


def bound_metrics() -> None:
    """Let the services that are made from now on use it."""
    vars(instruments)["RunnerTrafficMetricsMiddleware"] = BoundedMetrics


@cache
def refusals() -> Any:
    """Return the counter of refusals for want of room; it can be registered but once.

    As with `db.instruments`, prometheus_client is imported once BentoML has set its environment.
    """
    import prometheus_client as prometheus  # pylint: disable=import-outside-toplevel

    return prometheus.Counter(
        "sentiment_requests_refused", "Requests answered 429, since too many texts waited."
    )
