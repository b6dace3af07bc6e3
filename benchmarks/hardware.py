"""The machine that figures come from."""

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

CPU_INFO = Path("/proc/cpuinfo")
LIBRARIES = ("bentoml", "openvino", "torch")
GPU_NAMES = ("nvidia-smi", "--query-gpu=name", "--format=csv,noheader")
PROCESSOR_OF_MACOS = ("sysctl", "-n", "machdep.cpu.brand_string")  # fails on Linux


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
            cores=_cores(),
            gpu=_gpu(),
            python=platform.python_version(),
            libraries={name: version(name) for name in LIBRARIES if find_spec(name)},
        )

    def show(self) -> str:
        """Return it in some words."""
        gpu = f" and an {self.gpu}" if self.gpu else ""
        return f"{self.cores} cores of {self.processor}{gpu}"


def _cores() -> int:
    """Return how many cores this process may use; macOS ties none to a process."""
    if (affinity := getattr(os, "sched_getaffinity", None)) is not None:
        return len(affinity(0))
    return os.cpu_count() or 1


def _processor() -> str:
    if CPU_INFO.exists():
        names = re.search(
            r"^model name\s*: (.*)$", CPU_INFO.read_text(encoding="utf-8"), re.MULTILINE
        )
        if names is not None:
            return names[1]
    return _printed(PROCESSOR_OF_MACOS) or platform.processor() or platform.machine()


def _gpu() -> str | None:
    """Return the name of the first of NVIDIA's GPUs, None where there is none."""
    return _printed(GPU_NAMES)


def _printed(command: Sequence[str]) -> str | None:
    """Return the first line that a command prints, None if it is not here or fails."""
    program = shutil.which(command[0])
    if program is None:
        return None
    done = subprocess.run(  # noqa: S603  # all of it is ours
        [program, *command[1:]], capture_output=True, text=True, timeout=60, check=False
    )
    return done.stdout.partition("\n")[0] if done.returncode == 0 else None
