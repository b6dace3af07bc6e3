"""The suite of containers: a real image, built and run by a real engine.

`make test-container` runs it. It is skipped if Docker neither runs nor can be started.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.container.base_image import base_image
from tests.container.containers import EmbeddedStack, command
from tests.container.engine import NoEngineError, running_engine

IMAGE = "tweet-sentiment:test"
PLANTED = f"planted-{uuid4().hex}"
"""The value of secrets during the build, which the image must not contain."""


@pytest.fixture(name="engine", scope="session")
def fixture_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start an engine with the base image, or skip; return which base that is."""
    try:
        with (
            running_engine(tmp_path_factory.mktemp("engine")),
            base_image(tmp_path_factory.mktemp("base")) as base,
        ):
            print(f"\n    built upon {base}", file=sys.stderr)
            yield base
    except NoEngineError as error:
        pytest.skip(str(error))


@pytest.fixture(name="image", scope="session")
def fixture_image(
    engine: str, repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Build the image with secrets in the environment; return its name."""
    assert engine
    secrets = ("API_KEYS", "HF_TOKEN", "SA_PASSWORD", "SQL_PASSWORD", "GRAFANA_READER_PASSWORD")
    home = tmp_path_factory.mktemp("bentoml")
    variables = dict.fromkeys(secrets, PLANTED) | {"BENTOML_HOME": str(home), "IMAGE": IMAGE}
    command("make", "image", variables=variables, folder=repository)
    yield IMAGE
    command("docker", "image", "rm", "--force", IMAGE)


@pytest.fixture(name="stack")
def fixture_stack(image: str, repository: Path) -> Iterator[EmbeddedStack]:
    """Return the service with its embedded database, not started."""
    with EmbeddedStack(repository, image) as stack:
        yield stack
