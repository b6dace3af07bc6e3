"""What the devices of this machine support, and how to compute on them reproducibly."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from transformers import set_seed

BF16_INSTRUCTIONS = ("avx512_bf16", "amx_bf16", "bf16")
"""Instruction sets that make bfloat16 fast: two of x86-64, one of Arm."""


def has_accelerator() -> bool:
    """Return whether torch finds a GPU or another accelerator."""
    return torch.accelerator.is_available()


def device_count() -> int:
    """Return the number of accelerators, or 1 for the CPU."""
    return max(1, torch.accelerator.device_count())


def has_bf16() -> bool:
    """Return whether the hardware supports bfloat16; torch's emulation is slower than float32."""
    if has_accelerator():
        return torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False)
    found = torch.cpu.get_capabilities()
    return any(found.get(name, False) for name in BF16_INSTRUCTIONS)


@contextmanager
def reproducible(seed: int, threads: int) -> Iterator[None]:
    """Seed all random generators, and use deterministic algorithms and a fixed thread count.

    Floating-point sums depend on how the work is split: runs are bit-identical for the same number
    of threads on the same kind of processor. On NVIDIA's GPUs cuBLAS needs a variable for that,
    set before its first use (cuBLAS documentation, "Results Reproducibility").
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    before = torch.get_num_threads()
    deterministic = torch.are_deterministic_algorithms_enabled()
    set_seed(seed)
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(deterministic)
        torch.set_num_threads(before)
