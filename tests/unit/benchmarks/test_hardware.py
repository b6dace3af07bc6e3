"""Results name the machine that they come from."""

import os
from pathlib import Path

import pytest

from benchmarks.hardware import Machine


def test_the_driver_names_the_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = tmp_path / "nvidia-smi"
    command.write_text("#!/bin/sh\necho NVIDIA H100\necho NVIDIA L4\n", encoding="utf-8")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    machine = Machine.read()

    assert "NVIDIA H100" == machine.gpu
    assert machine.show().endswith(f"{machine.processor} and an NVIDIA H100")


@pytest.mark.parametrize("script", [None, "#!/bin/sh\necho no driver\nexit 9\n"])
def test_a_machine_without_a_gpu_shows_only_its_processor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str | None
) -> None:
    if script is not None:
        (tmp_path / "nvidia-smi").write_text(script, encoding="utf-8")
        (tmp_path / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    machine = Machine.read()

    assert machine.gpu is None
    assert machine.show().endswith(machine.processor)
    assert {"bentoml", "openvino"} <= machine.libraries.keys()


def test_macos_reports_processor_and_cores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = tmp_path / "sysctl"
    command.write_text("#!/bin/sh\necho Apple M4 Pro\n", encoding="utf-8")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("benchmarks.hardware.CPU_INFO", tmp_path / "cpuinfo")
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)

    machine = Machine.read()

    assert ("Apple M4 Pro", os.cpu_count()) == (machine.processor, machine.cores)
