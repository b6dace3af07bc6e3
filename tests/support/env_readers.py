"""Readers of a `.env`: our parser, python-dotenv as settings use it, compose if installed."""

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from unittest import mock

import yaml
from dotenv import dotenv_values

from env_file.parsing import parse, read_text

UNSET = "not set"
Reader = Callable[[Path, Sequence[str]], Mapping[str, str]]


def by_our_parser(path: Path, names: Sequence[str]) -> dict[str, str]:
    """Return what `make` reads."""
    found = {each.name: each.value for each in parse(read_text(path))}
    return {name: found.get(name, UNSET) for name in names}


def by_python(path: Path, names: Sequence[str]) -> dict[str, str]:
    """Return what pydantic-settings gets from python-dotenv; it expands by the environment."""
    with mock.patch.dict(os.environ, clear=True):
        found = dotenv_values(path, encoding="utf-8")
    return {name: found.get(name) or ("" if name in found else UNSET) for name in names}


def by_compose(program: Sequence[str]) -> Reader:
    """Return what compose gives a container, a version of compose."""

    def read(path: Path, names: Sequence[str]) -> dict[str, str]:
        environment = {name: f"${{{name}-{UNSET}}}" for name in names}
        service = {"image": "none", "environment": environment}
        (path.parent / "docker-compose.yml").write_text(
            yaml.safe_dump({"version": "3", "services": {"one": service}}), encoding="utf-8"
        )
        done = subprocess.run(
            [*program, "config"],
            cwd=path.parent,
            env={"PATH": os.environ["PATH"], "HOME": str(path.parent)},
            capture_output=True,
            check=True,
            timeout=120,
        )
        config = yaml.load(done.stdout, yaml.BaseLoader)  # noqa: S506  # all of it stays text
        found = config["services"]["one"]["environment"]
        # it doubles each $, so that its output can be its input
        return {name: value.replace("$$", "$") for name, value in found.items()}

    return read


def readers() -> dict[str, Reader | None]:
    """Return all readers, None for a compose that this machine lacks."""
    return {
        "our parser": by_our_parser,
        "python-dotenv": by_python,
        "docker compose": _compose("docker", "compose"),
        "docker-compose": _compose("docker-compose"),
    }


@cache
def _compose(*program: str) -> Reader | None:
    if shutil.which(program[0]) is None:
        return None
    done = subprocess.run([*program, "version"], capture_output=True, check=False)
    return by_compose(program) if done.returncode == 0 else None
