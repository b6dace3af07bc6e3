"""Pages of the origins that are allowed may read every answer, refusals included; no others may."""

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
    """Answer."""
    return PlainTextResponse("done")


async def fails(_request: Request) -> Response:
    """Raise what nobody catches."""
    raise RuntimeError("a mistake")


def guarded(origins: str, *, most: int = 256, keys: str = "") -> ApiMiddleware:
    """Guard a small application whose answers pages of such origins may read."""
    settings = ApiSettings.model_validate({"cors_origins": origins, "api_keys": keys})
    routes = [
        Route("/model", done),
        Route("/broken", fails),
        Route("/predict", done, methods=["POST"]),
    ]
    return ApiMiddleware(Starlette(routes=routes), settings, AdmissionControl(max_texts=most))


@contextmanager
def client_of(guard: ApiMiddleware) -> Iterator[TestClient]:
    """Speak to it."""
    with TestClient(guard) as client:
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
def test_every_answer_lets_pages_of_the_origins_read_it_and_its_headers(
    method: str, path: str, body: bytes, status: int
) -> None:
    with client_of(guarded(ORIGINS)) as client:
        headers = {"Origin": APP, "Content-Type": "application/json"}
        response = client.request(method, path, content=body, headers=headers)

    assert status == response.status_code
    assert (APP, EXPOSED_HEADERS) == (response.headers[ALLOW], response.headers[EXPOSE])
    assert "Origin" == response.headers["vary"]


def test_headers_of_use_to_a_page_are_exposed() -> None:
    assert ["Retry-After", "X-Prediction-Id", "X-Request-Id", "X-Truncated"] == (
        EXPOSED_HEADERS.split(", ")
    )


@pytest.mark.parametrize("origin", [OTHER, "null", f"{APP}.evil.example", f"{APP}:8443", APP[:-1]])
def test_pages_of_other_origins_may_read_nothing(origin: str) -> None:
    with client_of(guarded(ORIGINS)) as client:
        response = client.get("/model", headers={"Origin": origin})

    assert 200 == response.status_code
    assert ALLOW not in response.headers
    assert "Origin" == response.headers["vary"]


def test_a_star_lets_all_pages_read() -> None:
    with client_of(guarded("*")) as client:
        response = client.get("/model", headers={"Origin": OTHER})

    assert "*" == response.headers[ALLOW]
    assert "access-control-allow-credentials" not in response.headers


def test_by_default_nothing_is_added() -> None:
    with client_of(guarded("")) as client:
        answered = client.get("/model", headers={"Origin": APP})
        preflight = client.options(
            "/predict", headers={"Origin": APP, "Access-Control-Request-Method": "POST"}
        )

    assert 405 == preflight.status_code
    for response in (answered, preflight):
        assert not [name for name in response.headers if name.startswith("access-control")]
        assert "vary" not in response.headers


@pytest.mark.parametrize("path", ["/predict", "/model", "/nowhere"])
def test_a_browser_that_asks_first_needs_no_key(path: str) -> None:
    asked = {
        "Origin": APP,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,x-api-key",
    }
    with client_of(guarded(ORIGINS, keys="the-key")) as client:
        response = client.options(path, headers=asked)

    assert (204, b"") == (response.status_code, response.content)
    assert APP == response.headers[ALLOW]
    assert "POST" in response.headers["access-control-allow-methods"].split(", ")
    allowed = response.headers["access-control-allow-headers"].lower().split(", ")
    assert {"authorization", "content-type", "x-api-key", "x-request-id"} == set(allowed)
    assert "600" == response.headers["access-control-max-age"]


def test_a_browser_that_asks_for_another_page_is_told_so() -> None:
    asked = {"Origin": OTHER, "Access-Control-Request-Method": "POST"}
    with client_of(guarded(ORIGINS)) as client:
        response = client.options("/predict", headers=asked)

    assert 400 == response.status_code
    assert f"the origin '{OTHER}' is not allowed" == response.json()["error"]
    assert ALLOW not in response.headers


def test_a_page_without_a_key_may_read_that_it_needs_one() -> None:
    with client_of(guarded(ORIGINS, keys="the-key")) as client:
        response = client.get("/model", headers={"Origin": APP})

    assert (401, APP) == (response.status_code, response.headers[ALLOW])


def test_bentomls_own_headers_do_not_come_twice() -> None:
    inner = CORSMiddleware(
        Starlette(routes=[Route("/model", done)]), allow_origins=["*"], expose_headers=["X-Inner"]
    )
    guard = ApiMiddleware(inner, ApiSettings.model_validate({"cors_origins": ORIGINS}))
    with client_of(guard) as client:
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
            id="refused by its head alone",
        ),
        pytest.param(
            b"GET / HTTP/1.1\r\n%bX: %b\r\n\r\n" % (ORIGIN_LINE, b"x" * (1 << 16)),
            431,
            id="a head that is too large",
        ),
        pytest.param(
            b"GET / HTTP/1.1\r\n%bAccept: */*\r\nno header\r\n\r\n" % ORIGIN_LINE,
            400,
            id="what is not HTTP",
        ),
    ],
)
def test_what_the_protocol_refuses_may_be_read_too(sent: bytes, status: int) -> None:
    with serving(guarded(ORIGINS, most=0), LoadSheddingProtocol) as port:
        head, _, _ = ask(port, sent).decode().partition("\r\n\r\n")

    start, *lines = head.split("\r\n")
    assert str(status) == start.split()[1]
    assert f"{ALLOW}: {APP}" in lines
    assert "vary: Origin" in lines
