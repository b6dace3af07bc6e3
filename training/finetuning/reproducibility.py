"""Make a training run repeatable."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from transformers import set_seed


@contextmanager
def reproducible(seed: int, threads: int) -> Iterator[None]:
    """Draw the block's random numbers from the seed, and add up as so many threads do.

    Each phase of a training starts its random numbers anew, so that a change to one leaves
    the others as they were. Floating-point sums depend on how the work is cut up: two runs
    are equal to the last bit with the same number of threads on the same kind of processor.

    NVIDIA's GPUs, which must not have been used before, need a variable for that (source:
    cuBLAS's documentation on reproducible results); without it torch refuses to promise it.
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
