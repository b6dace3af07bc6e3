"""`/readyz` waits until the model is prepared."""

from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.support.server import READY_TIMEOUT_S, Server, eventually, put_into_store
from tests.support.service_faults import PREPARE_AFTER, SERVE_FAULTY, STARTED_SUFFIX

NO_ANSWER_S = 2


def test_a_service_is_not_ready_before_its_model_is_prepared(
    repository: Path, starter: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    allowed = tmp_path / "prepare"
    own = environment | {"BENTOML_HOME": str(tmp_path / "bentoml"), PREPARE_AFTER: str(allowed)}
    put_into_store(starter, own)
    server = Server(SERVE_FAULTY, repository, own)
    try:
        eventually(allowed.with_suffix(STARTED_SUFFIX).exists, READY_TIMEOUT_S)
        address = ("127.0.0.1", server.port)
        with closing(HTTPConnection(*address, timeout=NO_ANSWER_S)) as connection:
            connection.request("GET", "/readyz")
            with pytest.raises(TimeoutError):  # the answer comes once the service is up
                connection.getresponse()
        allowed.touch()
        with server:  # waits until it is ready
            assert "warm-up failed" not in server.log
    finally:
        server.kill()
