"""Lint needs only the packages in .venv."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SOURCES = ("db/database/odbc.py", "db/database/engine.py", "tests/unit/db/database/test_odbc.py")


@pytest.fixture(name="without_odbc")
def fixture_without_odbc(tmp_path: Path) -> dict[str, str]:
    """Return an environment without a working ODBC driver manager."""
    (tmp_path / "libodbc.so.2").touch()
    environment = os.environ | {"LD_LIBRARY_PATH": str(tmp_path)}
    command = [sys.executable, "-c", "import pyodbc"]
    if subprocess.run(command, env=environment, capture_output=True, check=False).returncode == 0:
        pytest.skip("pyodbc brings its own driver manager on this system")
    return environment


@pytest.mark.slow
def test_pylint_passes_without_the_odbc_driver_manager(
    repository: Path, without_odbc: dict[str, str]
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pylint", *SOURCES],
        cwd=repository,
        env=without_odbc,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert 0 == done.returncode, done.stdout
    assert "10.00/10" in done.stdout
