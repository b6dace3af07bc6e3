"""The workflows satisfy their schema, pin their actions and have minimal permissions."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from training.settings import TrainingSettings

NAMES = ("ci.yml", "train.yml")


@pytest.mark.parametrize("name", NAMES)
def test_a_workflow_satisfies_the_schema(repository: Path, name: str) -> None:
    command = ["-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows"]

    done = subprocess.run(
        [sys.executable, *command, str(_path(repository, name))],
        capture_output=True,
        text=True,
        check=False,
    )

    assert 0 == done.returncode, done.stdout


def test_there_are_no_other_workflows(repository: Path) -> None:
    assert set(NAMES) == {path.name for path in _path(repository, "ci.yml").parent.iterdir()}


@pytest.mark.parametrize("name", NAMES)
def test_actions_are_pinned_by_commit_and_name_their_version(repository: Path, name: str) -> None:
    lines = [line for line in _text(repository, name).splitlines() if "uses: actions/" in line]

    assert lines
    for line in lines:
        assert re.search(r"uses: actions/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line), line


@pytest.mark.parametrize("name", NAMES)
def test_every_job_has_a_timeout_and_caches_packages(repository: Path, name: str) -> None:
    own = [job for job in _content(repository, name)["jobs"].values() if "uses" not in job]

    assert own
    for job in own:
        assert job["timeout-minutes"] <= 120
        assert "pip" in [step.get("with", {}).get("cache") for step in job["steps"]]


@pytest.mark.parametrize("name", NAMES)
def test_only_the_image_job_may_write_and_only_packages(repository: Path, name: str) -> None:
    content = _content(repository, name)

    wider = {
        job: parts["permissions"]
        for job, parts in content["jobs"].items()
        if "permissions" in parts
    }

    assert {"contents": "read"} == content["permissions"]
    assert wider in ({}, {"image": {"contents": "read", "packages": "write"}})


def test_training_needs_the_tests_and_the_image_needs_a_promotion(repository: Path) -> None:
    jobs = _content(repository, "train.yml")["jobs"]

    assert "./.github/workflows/ci.yml" == jobs["test"]["uses"]
    assert "test" == jobs["train"]["needs"]
    assert "train" == jobs["image"]["needs"]
    condition = jobs["image"]["if"]
    assert "needs.train.outputs.promoted == 'true' && (" in condition
    assert "github.ref_name == github.event.repository.default_branch" in condition


def test_weekly_runs_use_new_seeds_and_promote_only_significant_improvements(
    repository: Path,
) -> None:
    (step,) = [
        step
        for step in _content(repository, "train.yml")["jobs"]["train"]["steps"]
        if step.get("name") == "make train"
    ]

    by_hand, weekly = (
        {name: _value(step["env"][name], event) for name in ("PROMOTION", "SEED")}
        for event in ("workflow_dispatch", "schedule")
    )

    assert {"PROMOTION": "inputs.promotion", "SEED": "inputs.seed"} == by_hand
    assert {"PROMOTION": "'significant'", "SEED": "github.run_number"} == weekly


def test_manual_runs_have_the_defaults_of_make_train(
    repository: Path,
) -> None:
    # yaml reads the key `on` as true
    inputs = _content(repository, "train.yml")[True]["workflow_dispatch"]["inputs"]

    assert TrainingSettings().promotion == inputs["promotion"]["default"]
    assert TrainingSettings().seed == inputs["seed"]["default"]


@pytest.mark.parametrize(
    ("promoted", "unread", "promotes"),
    [(True, None, "true"), (True, "me/x", "false"), (False, None, "false")],
)
def test_no_image_is_built_without_a_comparison_with_the_hubs_champion(
    repository: Path, tmp_path: Path, promoted: bool, unread: str | None, promotes: str
) -> None:
    if shutil.which("jq") is None:
        pytest.skip("jq, which GitHub's runners have, is not installed")
    (step,) = [
        step
        for step in _content(repository, "train.yml")["jobs"]["train"]["steps"]
        if step.get("id") == "decision"
    ]
    metrics = {"decision": {"promoted": promoted}, "unreachable_hub": unread}
    (tmp_path / "metrics.json").write_text(json.dumps(metrics), encoding="utf-8")
    output = tmp_path / "output"

    subprocess.run(
        ["bash", "-c", step["run"]],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "GITHUB_OUTPUT": str(output)},
        check=True,
    )

    assert f"promoted={promotes}\n" == output.read_text(encoding="utf-8")


def test_only_the_training_step_has_the_hubs_secrets(repository: Path) -> None:
    seeing = {
        (name, step.get("name"))
        for name in NAMES
        for job in _content(repository, name)["jobs"].values()
        for step in job.get("steps", ())
        if "secrets.HF_" in str(step)
    }
    outside = [
        job.get("env") for name in NAMES for job in _content(repository, name)["jobs"].values()
    ]

    assert {("train.yml", "make train")} == seeing
    assert "secrets" not in str(outside)


@pytest.mark.parametrize("name", NAMES)
def test_every_make_target_exists(repository: Path, name: str) -> None:
    rules = (repository / "Makefile").read_text(encoding="utf-8")
    existing = set(re.findall(r"^([\w-]+):", rules, re.MULTILINE))
    runs = [
        step.get("run", "")
        for job in _content(repository, name)["jobs"].values()
        for step in job.get("steps", ())
    ]

    called = set(re.findall(r"^ *make ([a-z][\w-]*)", "\n".join(runs), re.MULTILINE))

    assert called
    assert called <= existing


def _value(expression: str, event: str) -> str:
    """Return the value of `A && B || C`, with A true on the schedule."""
    form = r"\$\{\{ github.event_name == 'schedule' && (\S+) \|\| (\S+) \}\}"
    found = re.fullmatch(form, expression)
    assert found
    return found[1] if event == "schedule" else found[2]


def _path(repository: Path, name: str) -> Path:
    return repository / ".github" / "workflows" / name


def _text(repository: Path, name: str) -> str:
    return _path(repository, name).read_text(encoding="utf-8")


def _content(repository: Path, name: str) -> Any:
    return yaml.safe_load(_text(repository, name))
