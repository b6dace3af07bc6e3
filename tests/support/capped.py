"""What a processor without VNNI and AVX-512 computes, on one that has them."""

import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent.parent
AVX2_ONLY = {"ONEDNN_MAX_CPU_ISA": "AVX2"}
"""Source: oneDNN's documentation, "CPU Dispatcher Control". OpenVINO's own kernels obey it, too."""


def run_capped(arguments: Sequence[str], **variables: str) -> subprocess.CompletedProcess[str]:
    """Run this Python in the checkout with no more than AVX2; raises CalledProcessError."""
    if platform.machine() not in ("x86_64", "AMD64"):
        pytest.skip(f"a cap to AVX2 means nothing on {platform.machine()}")
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=REPOSITORY,
        env=os.environ | AVX2_ONLY | variables,
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
