"""The replay sends tweets to the address that compose publishes."""

import pytest

from tools.replay import published_url


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
def test_a_port_mapping_of_compose_leads_to_a_url(mapping: str, url: str) -> None:
    assert url == published_url(mapping)
