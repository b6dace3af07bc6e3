"""Which requests are authorized."""

import pytest
from starlette.datastructures import Headers

from api.http.auth import ApiKeys

KEYS = ApiKeys(["first-key", "second-key"], ["/metrics", "/static_content/*"])


def is_authorized(method: str = "POST", path: str = "/predict", **headers: str) -> bool:
    """Return the result for headers, with underscores for dashes."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return KEYS.is_authorized(method, path, Headers(named))


@pytest.mark.parametrize("key", ["first-key", "second-key"])
def test_every_key_is_valid_in_both_headers(key: str) -> None:
    assert is_authorized(x_api_key=key)
    assert is_authorized(authorization=f"Bearer {key}")
    assert is_authorized(authorization=f"bearer {key}")


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
def test_any_other_key_is_invalid(headers: dict[str, str]) -> None:
    assert not is_authorized(**headers)


@pytest.mark.parametrize(
    "path", ["/", "/model", "/docs.json", "/metrics/", "/metrics/x", "/static_content", "/nowhere"]
)
def test_other_paths_need_a_key(path: str) -> None:
    assert not is_authorized("GET", path)


@pytest.mark.parametrize(
    "path", ["/livez", "/readyz", "/healthz", "/metrics", "/static_content/index.css"]
)
def test_health_checks_and_public_paths_need_no_key(path: str) -> None:
    assert is_authorized("GET", path)


def test_options_needs_no_key() -> None:
    assert is_authorized("OPTIONS")


def test_without_keys_authentication_is_off() -> None:
    assert ApiKeys([], []).is_authorized("POST", "/predict", Headers({}))
