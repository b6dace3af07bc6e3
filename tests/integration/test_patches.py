"""The service does not start if a patch is lost or a patched library has another version."""

from pathlib import Path

import pytest

from patches import VERSIONS
from patches.checks import PATCHES
from tests.support.server import BENTOML, free_port, put_into_store, run_command

SERVICE = "benchmarks.baselines.unpatched:SentimentService"
NOT_REPLACING = "the atomic model store"
PARAMETERS = [
    pytest.param(each.name, marks=[] if each.library == "uvicorn" else pytest.mark.slow)
    for each in PATCHES
    if each.name != NOT_REPLACING
]


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_start_without_a_patch_fails_and_names_it(
    repository: Path, starter: Path, environment: dict[str, str], name: str
) -> None:
    put_into_store(starter, environment)
    environment = environment | {"WITHOUT_PATCH": name, "PYTHONPATH": str(repository)}
    environment.pop("BENTOML_DO_NOT_TRACK")

    done = run_command(
        [BENTOML, "serve", SERVICE, f"--port={free_port()}"], repository, environment
    )

    assert 1 == done.returncode
    assert 1 == done.stdout.count(f"{name} (patches/")
    assert "Traceback" not in done.stdout


@pytest.mark.parametrize("library", VERSIONS)
def test_a_start_with_another_version_of_a_patched_library_fails_in_one_line(
    repository: Path, environment: dict[str, str], tmp_path: Path, library: str
) -> None:
    metadata = tmp_path / f"{library}-9.9.9.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text(f"Metadata-Version: 2.1\nName: {library}\nVersion: 9.9.9\n", "utf-8")

    done = run_command([BENTOML, "serve"], repository, environment | {"PYTHONPATH": str(tmp_path)})

    assert 1 == done.returncode
    assert f"{library} 9.9.9 is installed, but patches/" in done.stdout
    assert "Traceback" not in done.stdout
