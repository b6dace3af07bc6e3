"""The README's commands work, and the paths on all pages exist."""

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from benchmarks.database import VARIABLE
from tests.container.engine import MAY_INSTALL
from tests.support.server import Server
from tests.support.setting_names import setting_names

FENCE = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
SHOWN_PATH = re.compile(r"`([\w./-]+(?:/|\.(?:py|json|jsonl|toml|yaml|md)))`|\]\(([\w./-]+)\)")
MAIN_PAGES = ("README.md", "CONTRIBUTING.md", "docs/architecture.md")
DOCS = Path(__file__).parents[2] / "docs"
PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    *(f"docs/{p.name}" for p in sorted(DOCS.glob("*.md"))),
)
CREATED_BY_RUNNING = ("artifacts/", "best_metrics.json", "data/", "metrics.json")
ON_THE_HUB = ("README.before-VERSION.md", "published_files.json")
# Read by benchmarks, tests and BentoML's commands.
OF_COMMANDS = {VARIABLE, MAY_INSTALL, "BENTOML_DO_NOT_TRACK"}


@pytest.fixture(name="readme", scope="module")
def fixture_readme(repository: Path) -> str:
    """Read the README."""
    return (repository / "README.md").read_text(encoding="utf-8")


def blocks(readme: str, language: str) -> list[str]:
    """Return the fenced blocks of one language."""
    return [body for name, body in FENCE.findall(readme) if name == language]


def curls(readme: str) -> list[tuple[str, str]]:
    """Return every curl command with the output shown below it."""
    shown = [block.split("\n", 1) for block in blocks(readme, "console") if "$ curl" in block]
    return [(command.removeprefix("$ "), output) for command, output in shown]


def labels(output: str) -> list[str]:
    """Return all labels in a response."""
    return re.findall(r'"label":"(\w+)"', output)


def scores(output: str) -> list[float]:
    """Return all scores in a response."""
    return [float(score) for score in re.findall(r'"score":([\d.]+)', output)]


def keys(output: str) -> set[str]:
    """Return the names of all JSON fields in a response, abbreviated or not."""
    return set(re.findall(r'"(\w+)":', output))


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_curl_commands_return_the_shown_output(readme: str, server: Server) -> None:
    commands = curls(readme)
    assert len(commands) == 2

    for command, shown in commands:
        here = shlex.split(command.replace("localhost:3000", server.url))
        answer = subprocess.run(here, capture_output=True, text=True, timeout=30, check=True).stdout

        assert keys(shown) <= keys(answer)
        assert labels(shown) == labels(answer)
        assert scores(shown) == pytest.approx(scores(answer), abs=0.01)
        assert isinstance(json.loads(answer), list if shown.startswith("[") else dict)


def test_the_python_example_runs(readme: str, server: Server) -> None:
    (example,) = blocks(readme, "python")
    code = example.replace("http://localhost:3000", server.url)

    exec(compile(code, "README.md", "exec"), {})  # noqa: S102  # pylint: disable=exec-used


def test_the_make_targets_exist_and_all_are_described(readme: str, repository: Path) -> None:
    printed = subprocess.run(
        ["make", "help"], cwd=repository, capture_output=True, text=True, timeout=30, check=True
    ).stdout
    existing = set(re.findall(r"^make ([a-z][a-z-]*)", printed, re.MULTILINE))
    described = set(re.findall(r"make ([a-z][a-z-]*)", readme))

    assert described <= existing | {"one"}
    assert existing - described <= {"clean", "help"}


@pytest.mark.parametrize("page", PAGES)
def test_every_path_exists(page: str, repository: Path) -> None:
    folders = (repository, (repository / page).parent)  # links are relative to the page
    text = (repository / page).read_text(encoding="utf-8")
    shown = {first or second for first, second in SHOWN_PATH.findall(text)}
    missing = {
        path
        for path in shown
        if not path.startswith((*CREATED_BY_RUNNING, *ON_THE_HUB, "/"))
        and not any((folder / path).exists() for folder in folders)
    }

    assert shown or page not in MAIN_PAGES
    assert set() == missing


@pytest.mark.parametrize("page", MAIN_PAGES)
def test_a_page_is_shorter_than_150_lines(page: str, repository: Path) -> None:
    assert len((repository / page).read_text(encoding="utf-8").splitlines()) < 150


def test_env_example_names_all_variables(repository: Path) -> None:
    example = (repository / ".env.example").read_text(encoding="utf-8")

    names = set(re.findall(r"^#?([A-Z_]+)=", example, re.MULTILINE))
    assert setting_names() | composed(repository) | OF_COMMANDS == names


def composed(repository: Path) -> set[str]:
    """Return the names of the variables that the compose files read."""
    files = repository.glob("docker-compose*.yml")
    found = [re.findall(r"\$\{([A-Z_]+)", path.read_text(encoding="utf-8")) for path in files]
    return {name for names in found for name in names}
