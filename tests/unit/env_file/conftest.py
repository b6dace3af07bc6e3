"""Each reader of a `.env` in its turn."""

import pytest

from tests.env_readers import Reader, readers


@pytest.fixture(name="reader", params=list(readers()))
def fixture_reader(request: pytest.FixtureRequest) -> Reader:
    """Return a reader; skip a compose that is not installed."""
    found = readers()[request.param]
    if found is None:
        pytest.skip(f"{request.param} is not installed")
    return found
