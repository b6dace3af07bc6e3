"""Keys, public paths and origins from the environment."""

import pytest

from api.settings import ApiSettings, ApiSettingsError


def test_by_default_there_are_no_keys_and_no_public_paths() -> None:
    settings = ApiSettings()

    assert ((), ()) == (settings.keys, settings.paths)


def test_keys_and_paths_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_KEYS", " one, two,")
    monkeypatch.setenv("PUBLIC_PATHS", "/metrics , /static_content/*")

    settings = ApiSettings()

    assert ("one", "two") == settings.keys
    assert ("/metrics", "/static_content/*") == settings.paths


@pytest.mark.parametrize("keys", ["gut,schl\u00fcssel-geheim", "two words-secret", "tab\tsecret"])
def test_a_key_that_no_header_can_carry_is_rejected_without_showing_it(
    monkeypatch: pytest.MonkeyPatch, keys: str
) -> None:
    monkeypatch.setenv("API_KEYS", keys)

    with pytest.raises(ApiSettingsError, match="API_KEYS has a key, number") as caught:
        _ = ApiSettings().keys

    assert not any(part in str(caught.value) for part in ("geheim", "secret"))


def test_commas_alone_do_not_turn_authentication_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("API_KEYS", " , ")

    with pytest.raises(ApiSettingsError, match="API_KEYS is set, but has no key"):
        _ = ApiSettings().keys


@pytest.mark.parametrize("path", ["metrics", "/a/*/b"])
def test_an_invalid_public_path_is_named(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.setenv("PUBLIC_PATHS", f"/metrics,{path}")

    with pytest.raises(ApiSettingsError, match="PUBLIC_PATHS has '") as caught:
        _ = ApiSettings().paths

    assert repr(path) in str(caught.value)


def test_keys_are_never_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_KEYS", "planted-key")

    assert "planted-key" not in repr(ApiSettings())


def test_origins_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    origins = ("https://app.example.com", "http://localhost:5173", "http://[::1]:8000")
    monkeypatch.setenv("CORS_ORIGINS", " , ".join(origins))

    assert origins == ApiSettings().origins


def test_a_star_allows_all_origins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORS_ORIGINS", "*")

    assert ("*",) == ApiSettings().origins


@pytest.mark.parametrize(
    ("origins", "problem"),
    [
        ("app.example.com", "has 'app.example.com': write an origin as browsers do"),
        ("https://app.example.com/", "has 'https://app.example.com/'"),
        ("https://App.example.com", "has 'https://App.example.com'"),
        ("https://app.example.com:443", "has 'https://app.example.com:443'"),
        ("https://*.example.com", "has 'https://*.example.com'"),
        ("null", "has 'null'"),
        ("https://app.example.com,*", "has * together with other origins"),
        (" , ", "is set, but has no origin"),
    ],
)
def test_an_origin_in_another_form_than_browsers_send_is_named(
    monkeypatch: pytest.MonkeyPatch, origins: str, problem: str
) -> None:
    monkeypatch.setenv("CORS_ORIGINS", origins)

    with pytest.raises(ApiSettingsError) as caught:
        _ = ApiSettings().origins

    assert str(caught.value).startswith(f"CORS_ORIGINS {problem}")
