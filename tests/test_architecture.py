"""Imports between packages, read from the import statements of all source files."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from pathspec import GitIgnoreSpec  # BentoML matches the patterns of bentofile.yaml by it

PARTS = (
    "service",
    "startup",
    "pipeline",
    "api",
    "db",
    "inference",
    "patches",
    "process",
    "training",
    "benchmarks",
    "grafana",
    "env_file",
    "tools",
)
MAY_IMPORT = {
    "service": {"api", "db", "inference", "patches", "pipeline", "process", "startup"},
    "startup": {"api", "db", "inference", "patches", "pipeline", "process"},
    "pipeline": {"api", "db", "inference"},
    "api": set(),
    "db": {"env_file"},
    "inference": {"env_file", "patches"},
    "patches": {"api", "process"},
    "process": set(),
    "training": {"db", "inference", "patches"},
    "benchmarks": {
        "service",
        "startup",
        "api",
        "db",
        "grafana",
        "inference",
        "patches",
        "training",
    },
    "grafana": set(),
    "env_file": set(),
    "tools": {"api", "benchmarks", "env_file", "inference", "training"},
}
SERVING = (
    "service",
    "startup",
    "pipeline",
    "api",
    "db",
    "env_file",
    "inference",
    "patches",
    "process",
)
ONLY_FOR_TRAINING = {
    "accelerate",
    "datasets",
    "huggingface_hub",
    "matplotlib",
    "nncf",
    "scipy",
    "sklearn",
    "torch",
    "transformers",
}
OPTIONAL = {
    "inference/cuda_graphs.py": {"torch"},  # for torch_runtime
    "inference/packed_classifier.py": {
        "torch",
        "transformers",
    },  # for training, and for the next one
    "inference/torch_runtime.py": {"torch", "transformers"},  # only if RUNTIME=torch
}


def sources(repository: Path, part: str) -> list[Path]:
    """Return the files of a part, which is a package or a single module."""
    folder = repository / part
    return sorted(folder.rglob("*.py")) if folder.is_dir() else [folder.with_suffix(".py")]


def imported(path: Path) -> Iterator[str]:
    """Yield the top-level name of every import in a file, inside functions too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import, which this test cannot read"
            yield (node.module or "").partition(".")[0]


@pytest.mark.parametrize("part", PARTS)
def test_a_part_imports_only_allowed_parts(repository: Path, part: str) -> None:
    forbidden = set(PARTS) - MAY_IMPORT[part] - {part}

    found = {
        f"{path.relative_to(repository)} imports {name}"
        for path in sources(repository, part)
        for name in imported(path)
        if name in forbidden
    }

    assert set() == found


@pytest.mark.parametrize("part", SERVING)
def test_serving_imports_no_library_of_training(repository: Path, part: str) -> None:
    found = {
        f"{path.relative_to(repository)} imports {name}"
        for path in sources(repository, part)
        for name in imported(path)
        if name in ONLY_FOR_TRAINING - OPTIONAL.get(str(path.relative_to(repository)), set())
    }

    assert set() == found


def test_a_bento_contains_the_source_of_serving_alone(repository: Path) -> None:
    bentofile = yaml.safe_load((repository / "bentofile.yaml").read_text(encoding="utf-8"))
    patterns = GitIgnoreSpec.from_lines(bentofile["include"])

    packed = {
        path
        for part in (*PARTS, "tests")
        for path in sources(repository, part)
        if patterns.match_file(path.relative_to(repository))
    }

    assert {path for part in SERVING for path in sources(repository, part)} == packed


def test_every_source_file_belongs_to_a_part(repository: Path) -> None:

    tops = {
        path.relative_to(repository).parts[0].removesuffix(".py")
        for path in repository.rglob("*.py")
    }

    hidden = {top for top in tops if top.startswith(".")}  # .venv
    assert {*PARTS, "tests"} == tops - hidden
