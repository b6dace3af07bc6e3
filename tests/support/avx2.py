"""Computing as a processor without VNNI and AVX-512 does."""

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


def run_with_avx2_only(
    arguments: Sequence[str], **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run this Python in the checkout with at most AVX2. Raises CalledProcessError if it fails."""
    if platform.machine() not in ("x86_64", "AMD64"):
        pytest.skip(f"AVX2 is a feature of x86 processors, not of {platform.machine()}")
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=REPOSITORY,
        env=os.environ | AVX2_ONLY | variables,
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
