"""A service says that it is ready once its model is prepared, not before."""

from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.support.server import BENTOML, READY_TIMEOUT_S, Server, eventually, put_into_store

SERVE = [BENTOML, "serve", "tests.support.slow_preparation:SentimentService", "--port", "{port}"]
PATIENCE_S = 5  # for an answer that must not come


def test_a_service_is_not_ready_before_its_model_is_prepared(
    repository: Path, starter: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    allowed = tmp_path / "prepare"
    own = environment | {"BENTOML_HOME": str(tmp_path / "bentoml"), "PREPARED_BY": str(allowed)}
    put_into_store(starter, own)
    server = Server(SERVE, repository, own)
    try:
        eventually(allowed.with_suffix(".begun").exists, READY_TIMEOUT_S)
        address = ("127.0.0.1", server.port)
        with closing(HTTPConnection(*address, timeout=PATIENCE_S)) as connection:
            connection.request("GET", "/readyz")
            with pytest.raises(TimeoutError):  # it is answered once the service is up
                connection.getresponse()
        allowed.touch()
        with server:  # waits until it is ready
            assert "could not be prepared" not in server.log
    finally:
        server.kill()
