"""The versions that the patches were written for are the ones that are installed."""

from pathlib import Path

import pytest

from patches import VERSIONS


@pytest.mark.parametrize(("library", "version"), VERSIONS.items())
def test_requirements_pin_the_version_that_the_patches_expect(
    repository: Path, library: str, version: str
) -> None:
    lines = (repository / "requirements" / "serving.txt").read_text(encoding="utf-8").splitlines()

    assert f"{library}=={version}" in [line.split("#")[0].strip() for line in lines]
