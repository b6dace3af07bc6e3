"""Who may pass without a key, and who with one."""

import pytest
from starlette.datastructures import Headers

from api.http.auth import ApiKeys

KEYS = ApiKeys(["first-key", "second-key"], ["/metrics", "/static_content/*"])


def admits(method: str = "POST", path: str = "/predict", **headers: str) -> bool:
    """Ask with headers, underscores standing for dashes."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return KEYS.is_authorized(method, path, Headers(named))


@pytest.mark.parametrize("key", ["first-key", "second-key"])
def test_every_key_opens_in_both_headers(key: str) -> None:
    assert admits(x_api_key=key)
    assert admits(authorization=f"Bearer {key}")
    assert admits(authorization=f"bearer {key}")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x_api_key": ""},
        {"x_api_key": "first-key,second-key"},
        {"x_api_key": "first-ke"},
        {"x_api_key": "f\u00efrst-key"},
        {"authorization": "first-key"},
        {"authorization": "Basic first-key"},
        {"authorization": "Bearer"},
    ],
)
def test_nothing_else_opens(headers: dict[str, str]) -> None:
    assert not admits(**headers)


@pytest.mark.parametrize(
    "path", ["/", "/model", "/docs.json", "/metrics/", "/metrics/x", "/static_content", "/nowhere"]
)
def test_what_is_not_public_needs_a_key(path: str) -> None:
    assert not admits("GET", path)


@pytest.mark.parametrize(
    "path", ["/livez", "/readyz", "/healthz", "/metrics", "/static_content/index.css"]
)
def test_health_checks_and_public_paths_need_none(path: str) -> None:
    assert admits("GET", path)


def test_browsers_may_ask_what_they_may() -> None:
    assert admits("OPTIONS")


def test_without_keys_everybody_may_call() -> None:
    assert ApiKeys([], []).is_authorized("POST", "/predict", Headers({}))
