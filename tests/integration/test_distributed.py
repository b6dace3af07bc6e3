"""Several processes that train together give the result of one."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="the training group is not installed")
pytest.importorskip("transformers", reason="the training group is not installed")

pytestmark = pytest.mark.slow

DEADLINE_S = 120


def torchrun(processes: int) -> list[str]:
    """Return the arguments that start processes by torch."""
    return ["torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]


def accelerate_launch(processes: int, hosts: Path) -> list[str]:
    """Return the arguments that start processes by accelerate, which uses MPI on CPUs."""
    hosts.write_text(f"localhost slots={processes}\n", encoding="utf-8")
    sizes = ["--cpu", "--num_machines=1", f"--num_processes={processes}"]
    return ["accelerate.commands.launch", *sizes, f"--mpirun_hostfile={hosts}"]


def run_workers(
    repository: Path, folder: Path, launcher: list[str]
) -> subprocess.CompletedProcess[str]:
    """Fine-tune in several processes, each of which writes its result to the folder."""
    (folder / "tmp").mkdir()
    variables = {
        "ENV_FILE": "",
        "OMP_NUM_THREADS": "1",
        "OMPI_ALLOW_RUN_AS_ROOT": "1",
        "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
        "TMPDIR": str(folder / "tmp"),
    }
    return subprocess.run(
        [sys.executable, "-m", *launcher, "-m", "tests.support.finetune_worker", str(folder)],
        cwd=repository,
        env=os.environ | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )


@pytest.fixture(name="folders", scope="module")
def fixture_folders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return a folder for two processes, and one for a single process."""
    return [tmp_path_factory.mktemp(name) for name in ("two", "one")]


@pytest.fixture(name="results", scope="module")
def fixture_results(repository: Path, folders: list[Path]) -> list[dict[str, Any]]:
    """Train in two processes, then in one; return the results of the three."""
    for folder, processes in zip(folders, (2, 1), strict=True):
        done = run_workers(repository, folder, torchrun(processes))
        assert 0 == done.returncode, done.stdout
    paths = (folders[0] / "0.json", folders[0] / "1.json", folders[1] / "0.json")
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths]


def test_two_processes_end_with_equal_weights(results: list[dict[str, Any]]) -> None:
    first, second, _ = results

    assert (2, 2) == (first["processes"], second["processes"])
    assert first["weights"] == second["weights"]
    assert first["logits"] == second["logits"]


def test_two_processes_give_the_result_of_one(results: list[dict[str, Any]]) -> None:
    first, _, alone = results
    rounding = {"fp32": 1e-5, "bf16": 1e-2}[alone["precision"]]

    assert 1 == alone["processes"]
    assert alone["steps"] == first["steps"]
    assert pytest.approx(alone["loss"], rel=rounding) == first["loss"]
    np.testing.assert_allclose(alone["logits"], first["logits"], atol=10 * rounding)


def test_only_rank_0_is_the_main_process(results: list[dict[str, Any]]) -> None:
    assert [True, False, True] == [each["is_main"] for each in results]


def test_accelerate_gives_the_same_weights(
    repository: Path, results: list[dict[str, Any]], tmp_path: Path
) -> None:
    if shutil.which("mpirun") is None:
        pytest.skip("mpirun, which accelerate needs for several processes, is not installed")
    folder = tmp_path / "accelerated"
    folder.mkdir()

    done = run_workers(repository, folder, accelerate_launch(2, tmp_path / "hosts"))

    assert 0 == done.returncode, done.stdout
    found = [json.loads((folder / f"{number}.json").read_text()) for number in range(2)]
    assert [True, False] == [each["is_main"] for each in found]
    assert {results[0]["weights"]} == {each["weights"] for each in found}


def test_only_torch_leaves_temporary_files(
    results: list[dict[str, Any]], folders: list[Path]
) -> None:
    left = {path.name for folder in folders for path in (folder / "tmp").iterdir()}

    assert 3 == len(results)
    assert set() == {name for name in left if not name.startswith("torch")}
