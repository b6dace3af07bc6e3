"""The machine that figures come from."""

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

CPU_INFO = Path("/proc/cpuinfo")
LIBRARIES = ("bentoml", "openvino", "torch")
GPU_NAMES = ("--query-gpu=name", "--format=csv,noheader")


@dataclass(frozen=True, slots=True)
class Machine:
    """What a figure depends on besides the code; ``libraries`` have their versions."""

    processor: str
    cores: int
    gpu: str | None
    python: str
    libraries: Mapping[str, str]

    @classmethod
    def read(cls) -> "Machine":
        """Look at this machine."""
        return cls(
            processor=_processor(),
            cores=len(os.sched_getaffinity(0)),
            gpu=_gpu(),
            python=platform.python_version(),
            libraries={name: version(name) for name in LIBRARIES if find_spec(name)},
        )

    def show(self) -> str:
        """Return it in some words."""
        gpu = f" and an {self.gpu}" if self.gpu else ""
        return f"{self.cores} cores of {self.processor}{gpu}"


def _processor() -> str:
    if CPU_INFO.exists():
        names = re.search(
            r"^model name\s*: (.*)$", CPU_INFO.read_text(encoding="utf-8"), re.MULTILINE
        )
        if names is not None:
            return names[1]
    return platform.processor() or platform.machine()


def _gpu() -> str | None:
    """Return the name of the first of NVIDIA's GPUs, None where there is none."""
    command = shutil.which("nvidia-smi")
    if command is None:
        return None
    done = subprocess.run(  # noqa: S603  # all of it is ours
        [command, *GPU_NAMES], capture_output=True, text=True, timeout=60, check=False
    )
    return done.stdout.partition("\n")[0] if done.returncode == 0 else None
