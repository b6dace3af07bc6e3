"""A small application behind ApiMiddleware, with the service's paths."""

from collections.abc import Iterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from api.http.io_descriptors import PARSED_REQUEST
from api.http.middleware import ApiMiddleware
from tests.support.clock import Clock


async def echo(request: Request) -> Response:
    """Return the validated body."""
    return JSONResponse(request.scope[PARSED_REQUEST].body.model_dump())


async def busy(_request: Request) -> Response:
    """Return 503, as BentoML does under load."""
    return JSONResponse({"error": "busy"}, 503)


async def broken(_request: Request) -> Response:
    """Return an error that is not JSON."""
    return PlainTextResponse("Traceback: /secret/path", 500)


@pytest.fixture(name="clock")
def fixture_clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Replace the system's clock where rates are measured."""
    clock = Clock()
    for module in ("api.http.admission", "api.http.log"):
        monkeypatch.setattr(f"{module}.time", clock)
    return clock


@pytest.fixture(name="client")
def fixture_client() -> Iterator[TestClient]:
    """Wrap a small application with the service's paths."""
    routes = [
        Route("/predict", echo, methods=["POST"]),
        Route("/predict_batch", echo, methods=["POST"]),
        Route("/busy", busy),
        Route("/broken", broken),
    ]
    with TestClient(ApiMiddleware(Starlette(routes=routes))) as client:
        yield client


def post(client: TestClient, path: str, content: str | bytes | Iterator[bytes]) -> httpx.Response:
    """Post a body as JSON."""
    headers = {"Content-Type": "application/json"}
    response: httpx.Response = client.post(path, content=content, headers=headers)
    return response
