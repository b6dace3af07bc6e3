"""Where compose publishes a container's port on this machine."""

API_PORT_MAPPING = "127.0.0.1:3000:3000"
"""What compose does where API_PORT_MAPPING is not set."""

ANY_ADDRESS = ("", "0.0.0.0", "[::]")  # noqa: S104  # nothing listens here


def published_url(mapping: str) -> str:
    """Return the URL of a mapping: ``ADDRESS:PORT:PORT IN THE CONTAINER``, or without address."""
    published, _, _ = mapping.rpartition(":")
    address, _, port = published.rpartition(":")
    return f"http://{'localhost' if address in ANY_ADDRESS else address}:{port}"
