"""Decide which texts share a forward pass."""

from collections.abc import Sequence

import numpy as np

# Short texts padded to a long one cost as much as the long one: chunks of about 16 texts of
# like length were 20 % faster than one batch of real tweets (mean 29 tokens, p95 42).
CHUNK_SIZE = 16


def chunks_by_length(lengths: Sequence[int], size: int = CHUNK_SIZE) -> list[list[int]]:
    """Group positions 0..n-1 into chunks of at most ``size`` of neighbouring lengths."""
    order = np.argsort(lengths, kind="stable").tolist()
    return [order[start : start + size] for start in range(0, len(order), size)]
