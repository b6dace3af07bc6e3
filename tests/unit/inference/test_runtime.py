"""A runtime is checked before it is loaded."""

import subprocess
import sys
from pathlib import Path

import pytest

from inference import runtime
from inference.model_folder import ModelFolder, ModelFolderError
from inference.runtime import RuntimeNotInstalledError, check_runtime
from inference.store import SERVING_FILES


@pytest.mark.parametrize("missing", ["torch", "transformers"])
def test_a_missing_torch_is_an_error(
    starter: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.setattr(runtime, "find_spec", lambda name: None if name == missing else "there")

    with pytest.raises(RuntimeNotInstalledError, match=f"RUNTIME = 'torch' needs {missing},"):
        check_runtime("torch", ModelFolder.read(starter))


def test_torch_needs_the_weights(
    starter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime, "find_spec", lambda _: "there")
    for name in SERVING_FILES:
        (tmp_path / name).write_bytes((starter / name).read_bytes())
    folder = ModelFolder.read(tmp_path)

    check_runtime("openvino", folder)
    with pytest.raises(ModelFolderError, match=r"it has no model\.safetensors, .*RUNTIME=torch"):
        check_runtime("torch", folder)


def test_only_workers_import_a_runtime(repository: Path) -> None:
    loaded = "import sys, service; print({'openvino', 'torch', 'transformers'} & {*sys.modules})"

    done = subprocess.run(
        [sys.executable, "-c", loaded], cwd=repository, capture_output=True, text=True, check=True
    )

    assert "set()" == done.stdout.strip()
