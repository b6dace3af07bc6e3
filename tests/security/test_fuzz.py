"""Thousands of generated requests agree with the OpenAPI document."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.security.conftest import KEY
from tests.support.server import Server

SCHEMATHESIS = str(Path(sys.executable).with_name("schemathesis"))
EXAMPLES = 1500  # for each operation, of which only two have a body
MIN_CASES = 2000
TIMEOUT_S = 900
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "positive_data_acceptance",
    "unsupported_method",
    "allow_header_conformance",
    "ignored_auth",
)


@pytest.mark.usefixtures("healthy_client")
@pytest.mark.slow
def test_every_response_agrees_with_the_openapi_document(server: Server, tmp_path: Path) -> None:
    report = tmp_path / "report.json"

    run = subprocess.run(
        [
            SCHEMATHESIS,
            "--no-color",
            "run",
            f"{server.url}/docs.json",
            f"--header=X-API-Key:{KEY}",
            f"--checks={','.join(CHECKS)}",
            "--phases=coverage,fuzzing",
            f"--max-examples={EXAMPLES}",
            "--seed=1",
            "--generation-database=none",
            f"--report-json-path={report}",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )

    assert 0 == run.returncode, run.stdout[-5000:]
    assert json.loads(report.read_text())["test_cases"]["generated"] >= MIN_CASES
