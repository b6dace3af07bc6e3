"""Pages of allowed origins may read every response, errors included; other pages may not."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from api.http.admission import AdmissionControl
from api.http.cors import EXPOSED_HEADERS
from api.http.middleware import ApiMiddleware
from api.settings import ApiSettings
from patches.load_shedding import LoadSheddingProtocol
from tests.unit.api.served import ask, serving

APP = "https://app.example.com"
OTHER = "https://other.example.com"
ORIGINS = f"{APP}, http://localhost:5173"
ALLOW = "access-control-allow-origin"
EXPOSE = "access-control-expose-headers"


async def done(_request: Request) -> Response:
    """Return a response."""
    return PlainTextResponse("done")


async def fails(_request: Request) -> Response:
    """Raise an unexpected exception."""
    raise RuntimeError("a mistake")


def wrapped(origins: str, *, most: int = 256, keys: str = "") -> ApiMiddleware:
    """Wrap a small application that allows these origins."""
    settings = ApiSettings.model_validate({"cors_origins": origins, "api_keys": keys})
    routes = [
        Route("/model", done),
        Route("/broken", fails),
        Route("/predict", done, methods=["POST"]),
    ]
    return ApiMiddleware(Starlette(routes=routes), settings, AdmissionControl(max_texts=most))


@contextmanager
def client_of(middleware: ApiMiddleware) -> Iterator[TestClient]:
    """Send requests to it."""
    with TestClient(middleware) as client:
        yield client


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/model", b"", 200),
        ("GET", "/nowhere", b"", 404),
        ("GET", "/predict", b"", 405),
        ("POST", "/predict", b'{"txt": 1}', 400),
        ("POST", "/predict", b" " * (1 << 20) + b" ", 413),
        ("GET", "/broken", b"", 500),
    ],
)
def test_pages_of_allowed_origins_may_read_every_response(
    method: str, path: str, body: bytes, status: int
) -> None:
    with client_of(wrapped(ORIGINS)) as client:
        headers = {"Origin": APP, "Content-Type": "application/json"}
        response = client.request(method, path, content=body, headers=headers)

    assert status == response.status_code
    assert (APP, EXPOSED_HEADERS) == (response.headers[ALLOW], response.headers[EXPOSE])
    assert "Origin" == response.headers["vary"]


def test_useful_headers_are_exposed() -> None:
    assert ["Retry-After", "X-Prediction-Id", "X-Request-Id", "X-Truncated"] == (
        EXPOSED_HEADERS.split(", ")
    )


@pytest.mark.parametrize("origin", [OTHER, "null", f"{APP}.evil.example", f"{APP}:8443", APP[:-1]])
def test_pages_of_other_origins_may_not_read_responses(origin: str) -> None:
    with client_of(wrapped(ORIGINS)) as client:
        response = client.get("/model", headers={"Origin": origin})

    assert 200 == response.status_code
    assert ALLOW not in response.headers
    assert "Origin" == response.headers["vary"]


def test_a_star_allows_all_origins() -> None:
    with client_of(wrapped("*")) as client:
        response = client.get("/model", headers={"Origin": OTHER})

    assert "*" == response.headers[ALLOW]
    assert "access-control-allow-credentials" not in response.headers


def test_cors_is_off_by_default() -> None:
    with client_of(wrapped("")) as client:
        answered = client.get("/model", headers={"Origin": APP})
        preflight = client.options(
            "/predict", headers={"Origin": APP, "Access-Control-Request-Method": "POST"}
        )

    assert 405 == preflight.status_code
    for response in (answered, preflight):
        assert not [name for name in response.headers if name.startswith("access-control")]
        assert "vary" not in response.headers


@pytest.mark.parametrize("path", ["/predict", "/model", "/nowhere"])
def test_a_preflight_request_needs_no_key(path: str) -> None:
    headers = {
        "Origin": APP,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,x-api-key",
    }
    with client_of(wrapped(ORIGINS, keys="the-key")) as client:
        response = client.options(path, headers=headers)

    assert (204, b"") == (response.status_code, response.content)
    assert APP == response.headers[ALLOW]
    assert "POST" in response.headers["access-control-allow-methods"].split(", ")
    allowed = response.headers["access-control-allow-headers"].lower().split(", ")
    assert {"authorization", "content-type", "x-api-key", "x-request-id"} == set(allowed)
    assert "600" == response.headers["access-control-max-age"]


def test_a_preflight_request_of_another_origin_is_rejected() -> None:
    headers = {"Origin": OTHER, "Access-Control-Request-Method": "POST"}
    with client_of(wrapped(ORIGINS)) as client:
        response = client.options("/predict", headers=headers)

    assert 400 == response.status_code
    assert f"the origin '{OTHER}' is not allowed" == response.json()["error"]
    assert ALLOW not in response.headers


def test_pages_may_read_a_401() -> None:
    with client_of(wrapped(ORIGINS, keys="the-key")) as client:
        response = client.get("/model", headers={"Origin": APP})

    assert (401, APP) == (response.status_code, response.headers[ALLOW])


def test_headers_of_bentomls_cors_middleware_are_replaced() -> None:
    inner = CORSMiddleware(
        Starlette(routes=[Route("/model", done)]), allow_origins=["*"], expose_headers=["X-Inner"]
    )
    middleware = ApiMiddleware(inner, ApiSettings.model_validate({"cors_origins": ORIGINS}))
    with client_of(middleware) as client:
        response = client.get("/model", headers={"Origin": APP})

    assert [APP] == response.headers.get_list(ALLOW)
    assert [EXPOSED_HEADERS] == response.headers.get_list(EXPOSE)


ORIGIN_LINE = f"Origin: {APP}\r\n".encode()


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        pytest.param(
            b"POST /predict HTTP/1.1\r\nHost: test\r\n%bConnection: close\r\n"
            b"Content-Length: 2\r\n\r\n{}" % ORIGIN_LINE,
            429,
            id="rejected by its headers",
        ),
        pytest.param(
            b"GET / HTTP/1.1\r\n%bX: %b\r\n\r\n" % (ORIGIN_LINE, b"x" * (1 << 16)),
            431,
            id="large headers",
        ),
        pytest.param(
            b"GET / HTTP/1.1\r\n%bAccept: */*\r\nno header\r\n\r\n" % ORIGIN_LINE,
            400,
            id="not HTTP",
        ),
    ],
)
def test_pages_may_read_errors_of_the_protocol(sent: bytes, status: int) -> None:
    with serving(wrapped(ORIGINS, most=0), LoadSheddingProtocol) as port:
        head, _, _ = ask(port, sent).decode().partition("\r\n\r\n")

    start, *lines = head.split("\r\n")
    assert str(status) == start.split()[1]
    assert f"{ALLOW}: {APP}" in lines
    assert "vary: Origin" in lines
