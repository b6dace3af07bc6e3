"""Tests use no database, server, Bento store or settings of the developer, and install nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.container.engine import MAY_INSTALL, NoEngineError, install
from tests.support.setting_names import setting_names
from tests.support.sql_server import NEEDED


@pytest.fixture(name="seen", scope="module")
def fixture_seen() -> set[str]:
    """Return the variables that a fixture of a module sees."""
    return set(os.environ)


def test_fixtures_of_every_scope_see_no_setting_of_the_developer(seen: set[str]) -> None:
    assert set() == seen & (setting_names() - {"DATASET"})


def test_the_bento_store_is_a_temporary_folder() -> None:
    assert Path(os.environ["BENTOML_HOME"]).name.startswith("bentoml-")
    assert not Path(os.environ["BENTOML_HOME"]).is_relative_to(Path.home() / "bentoml")


def test_a_configured_sql_server_is_used_only_on_request(repository: Path) -> None:
    named = dict.fromkeys(NEEDED, "theirs")
    environment = {name: value for name, value in os.environ.items() if name != "TEST_SQL_SERVER"}
    suites = ("tests/sqlserver", "tests/unit/db")
    command = [sys.executable, "-m", "pytest", "-q", "-m", "sqlserver", *suites]

    done = subprocess.run(
        command,
        cwd=repository,
        env=environment | named,
        capture_output=True,
        text=True,
        check=False,
    )

    assert "SQL Server is tested by `make test-sqlserver` only" in done.stdout
    assert "failed" not in done.stdout
    assert "passed" not in done.stdout


@pytest.mark.parametrize("value", [None, "", "0"])
def test_no_package_is_installed_without_consent(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, value: str | None
) -> None:
    called = tmp_path / "called"
    (tmp_path / "apt-get").write_text(f"#!/bin/sh\ntouch {called}\n", encoding="utf-8")
    (tmp_path / "apt-get").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.delenv(MAY_INSTALL, raising=False)
    if value is not None:
        monkeypatch.setenv(MAY_INSTALL, value)

    with pytest.raises(NoEngineError, match=r"docker.io: not installed\. .*INSTALL_DOCKER=1"):
        install("docker.io")

    assert not called.exists()


def test_packages_are_installed_with_consent(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "apt-get").write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/log\n', encoding="utf-8")
    (tmp_path / "apt-get").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv(MAY_INSTALL, "1")

    install("docker.io")

    assert "install" in (tmp_path / "log").read_text(encoding="utf-8")
