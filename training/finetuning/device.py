"""What the machine offers to training."""

import torch

BF16_INSTRUCTIONS = ("avx512_bf16", "amx_bf16", "bf16")
"""What makes bfloat16 fast on processors: two ways of x86-64's, and Arm's."""


def has_accelerator() -> bool:
    """Tell whether there is a GPU or the like."""
    return torch.accelerator.is_available()


def device_count() -> int:
    """Return how many devices this machine has to train on, the processor counted as one."""
    return max(1, torch.accelerator.device_count())


def has_bf16() -> bool:
    """Tell whether this machine computes in bfloat16 by itself.

    Where it does not, torch imitates it, at a fraction of the speed of float32.
    """
    if has_accelerator():
        return torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False)
    found = torch.cpu.get_capabilities()
    return any(found.get(name, False) for name in BF16_INSTRUCTIONS)
