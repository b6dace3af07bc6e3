"""The machine that results come from."""

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
NVIDIA_GPUS = ("nvidia-smi", "--query-gpu=name", "--format=csv,noheader")
MACOS_PROCESSOR = ("sysctl", "-n", "machdep.cpu.brand_string")  # fails on Linux


@dataclass(frozen=True, slots=True)
class Machine:
    """Processor, usable cores, GPU, and the versions of Python and ``libraries``."""

    processor: str
    cores: int
    gpu: str | None
    python: str
    libraries: Mapping[str, str]

    @classmethod
    def read(cls) -> "Machine":
        """Return this machine."""
        return cls(
            processor=_processor(),
            cores=_cores(),
            gpu=_output(NVIDIA_GPUS),
            python=platform.python_version(),
            libraries={name: version(name) for name in LIBRARIES if find_spec(name)},
        )

    def show(self) -> str:
        """Return cores, processor and GPU as text."""
        gpu = f" and an {self.gpu}" if self.gpu else ""
        return f"{self.cores} cores of {self.processor}{gpu}"


def _cores() -> int:
    """Return the number of cores that this process may use; macOS restricts none."""
    if (affinity := getattr(os, "sched_getaffinity", None)) is not None:
        return len(affinity(0))
    return os.cpu_count() or 1


def _processor() -> str:
    if CPU_INFO.exists():
        text = CPU_INFO.read_text(encoding="utf-8")
        if (name := re.search(r"^model name\s*: (.*)$", text, re.MULTILINE)) is not None:
            return name[1]
    return _output(MACOS_PROCESSOR) or platform.processor() or platform.machine()


def _output(command: Sequence[str]) -> str | None:
    """Return the first line that a command prints, None if it is not installed or fails."""
    program = shutil.which(command[0])
    if program is None:
        return None
    done = subprocess.run(  # noqa: S603  # all of it is ours
        [program, *command[1:]], capture_output=True, text=True, timeout=60, check=False
    )
    return done.stdout.partition("\n")[0] if done.returncode == 0 else None
