"""The source runs without Linux's own features, and on file systems that ignore case."""

import ast
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.linux_only import LINUX_ONLY
from tests.test_architecture import PARTS, sources

NAMES = {module.__name__: set(names) for module, names in LINUX_ONLY.items()}


def uses(path: Path) -> Iterator[str]:
    """Yield the names in a file that only Linux has."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.attr in NAMES.get(node.value.id, ()):
                yield f"{node.value.id}.{node.attr}"
        elif isinstance(node, ast.ImportFrom):
            found = NAMES.get(node.module or "", set()) & {alias.name for alias in node.names}
            yield from (f"{node.module}.{name}" for name in sorted(found))


@pytest.mark.parametrize("part", PARTS)
def test_features_of_linux_are_looked_up_before_use(repository: Path, part: str) -> None:
    found = {
        f"{path.relative_to(repository)} uses {name}: macOS lacks it, so ask by getattr"
        for path in sources(repository, part)
        for name in uses(path)
    }

    assert set() == found


def test_no_two_paths_differ_only_in_case(repository: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=repository, capture_output=True, text=True, check=False
    )
    if listed.returncode != 0:
        pytest.skip("this is no checkout of git")
    times = Counter(name.casefold() for name in listed.stdout.splitlines())

    assert [] == [name for name, count in times.items() if count > 1]
