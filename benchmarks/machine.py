"""The machine that figures come from."""

import os
import platform
import re
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

CPU_INFO = Path("/proc/cpuinfo")


@dataclass(frozen=True, slots=True)
class Machine:
    """What a figure depends on besides the code."""

    processor: str
    cores: int
    python: str
    openvino: str
    bentoml: str

    @classmethod
    def read(cls) -> "Machine":
        """Look at this machine."""
        return cls(
            processor=_processor(),
            cores=len(os.sched_getaffinity(0)),
            python=platform.python_version(),
            openvino=version("openvino"),
            bentoml=version("bentoml"),
        )

    def show(self) -> str:
        """Return it in some words."""
        return f"{self.cores} cores of {self.processor}"


def _processor() -> str:
    if CPU_INFO.exists():
        names = re.search(
            r"^model name\s*: (.*)$", CPU_INFO.read_text(encoding="utf-8"), re.MULTILINE
        )
        if names is not None:
            return names[1]
    return platform.processor() or platform.machine()
