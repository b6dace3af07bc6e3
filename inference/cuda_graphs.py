"""Forward passes that a GPU repeats as a whole, so that nobody launches their kernels again."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from inference.packing import INPUTS, Arrays

FEWEST_TOKENS = 8
"""How many a text has on average at the least; tweets have three times as many."""


class CapturedPass:
    """A pass of one shape as a CUDA graph, for one thread at a time.

    RoBERTa-base's some 200 kernels take a processor 4.4 ms to launch, and an H100 0.8 to execute.
    """

    def __init__(self, model: Callable[..., torch.Tensor], arrays: Arrays, pool: Any) -> None:
        """Capture it on the current stream, which has run one of this shape before.

        ``arrays`` are of the shape; captures of one ``pool`` share memory. Raises RuntimeError
        where the GPU cannot.
        """
        self._most_texts = arrays["input_ids"].size // FEWEST_TOKENS
        shapes = {name: arrays[name].shape for name in INPUTS}
        shapes["first_tokens"] = (self._most_texts,)
        self._inputs = {
            name: torch.zeros(shape, dtype=torch.int64, device="cuda")
            for name, shape in shapes.items()
        }
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph, pool=pool, stream=torch.cuda.current_stream()):
            self._logits = model(*self._inputs.values()).float()

    def has_room(self, arrays: Arrays) -> bool:
        """Tell whether a pass of its shape has no more texts than it reads."""
        return len(arrays["first_tokens"]) <= self._most_texts

    def logits(self, arrays: Arrays) -> np.ndarray:
        """Return float32 logits [texts, labels]."""
        texts = len(arrays["first_tokens"])
        for name, held in self._inputs.items():
            place = held[:texts] if name == "first_tokens" else held  # the rest is read in vain
            place.copy_(torch.from_numpy(arrays[name]))
        self._graph.replay()
        return self._logits[:texts].cpu().numpy()
