"""What the tests of all benchmarks share."""

from pathlib import Path

import pytest


@pytest.fixture(name="output", scope="module")
def fixture_output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder that the benchmark writes to."""
    return tmp_path_factory.mktemp("bench")
