"""A port mapping of compose leads to a URL on this machine."""

import pytest

from benchmarks.published import published_url


@pytest.mark.parametrize(
    ("mapping", "url"),
    [
        ("127.0.0.1:8080:3000", "http://127.0.0.1:8080"),
        ("3000:3000", "http://localhost:3000"),
        ("0.0.0.0:80:3000", "http://localhost:80"),
        ("[::]:80:3000", "http://localhost:80"),
        ("[::1]:80:3000", "http://[::1]:80"),
    ],
)
def test_where_a_mapping_leads(mapping: str, url: str) -> None:
    assert url == published_url(mapping)
