"""The application that BentoML builds for a service, with our batcher and bounded metrics."""

import logging
from typing import Any

from _bentoml_impl.server.app import ServiceAppFactory
from bentoml._internal.server import http_app
from bentoml._internal.server.http.instruments import RunnerTrafficMetricsMiddleware
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from api.contract.requests import BODIES
from api.http.auth import HEALTH_PATHS
from api.http.log import REQUEST_ID

KNOWN_PATHS = frozenset(
    {*BODIES, *HEALTH_PATHS, "/", "/docs.json", "/metrics", "/model", "/schema.json"}
)
OTHER_PATH = "other"
REAL_PATH = "sentiment.path"


class AppFactory(ServiceAppFactory):
    """Build the application with MicroBatcher, BoundedMetrics and RequestIdFilter."""

    def __init__(self, service: Any, is_main: bool = False) -> None:
        """Make one batcher for each batchable endpoint."""
        super().__init__(service, is_main)
        self.dispatchers = {
            name: service.make_batcher(method.max_batch_size, method.max_latency_ms / 1000)
            for name, method in service.apis.items()
            if method.batchable
        }
        http_app.logger.addFilter(REQUEST_ID_FILTER)

    @property
    def middlewares(self) -> list[Middleware]:
        """Return BentoML's middlewares, with BoundedMetrics instead of its own metrics."""
        return [
            Middleware(BoundedMetrics, *each.args, **each.kwargs)
            if each.cls is RunnerTrafficMetricsMiddleware
            else each
            for each in super().middlewares
        ]

    async def readyz(self, request: Request) -> Response:
        """Answer 503 while requests cannot be batched."""
        if not all(batcher.is_ready for batcher in self.dispatchers.values()):
            raise HTTPException(503)
        return await super().readyz(request)

    async def livez(self, request: Request) -> Response:
        """Answer 503 once requests will never be batched again: only a restart helps."""
        if not all(batcher.is_alive for batcher in self.dispatchers.values()):
            raise HTTPException(503)
        return await super().livez(request)


class BoundedMetrics(RunnerTrafficMetricsMiddleware):
    """Count requests for unknown paths under one label.

    BentoML keeps a dozen time series for each path that any client ever requested, and its
    middleware wraps all others.
    """

    def __init__(self, app: ASGIApp, /, **options: Any) -> None:
        """Wrap an application; the options are those of BentoML's middleware."""
        super().__init__(_with_real_path(app), **options)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count the request under a known path and pass it on with its own."""
        if "path" in scope and scope["path"] not in KNOWN_PATHS:
            scope = {**scope, "path": OTHER_PATH, REAL_PATH: scope["path"]}
        await super().__call__(scope, receive, send)


class RequestIdFilter(logging.Filter):
    """Prefix each line with the id of the current request."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return True: no line is dropped."""
        record.msg = f"request {REQUEST_ID.get()}: {record.msg}"
        return True


REQUEST_ID_FILTER = RequestIdFilter()  # adding the same filter twice has no effect


def _with_real_path(app: ASGIApp) -> ASGIApp:
    async def restore_path(scope: Scope, receive: Receive, send: Send) -> None:
        if REAL_PATH in scope:
            scope = {**scope, "path": scope[REAL_PATH]}
        await app(scope, receive, send)

    return restore_path
