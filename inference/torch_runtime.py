"""Run a model's own weights by torch: on a GPU, if there is one."""

from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from threading import Lock

import numpy as np
import torch
from transformers import AutoModelForSequenceClassification
from transformers.utils import logging

from inference.packed import PackedClassifier
from inference.packing import INPUTS, Arrays

PRECISIONS = {torch.float32: "fp32", torch.bfloat16: "bf16", torch.float16: "fp16"}


class TorchRuntime:
    """Execute a model as transformers saved it, one batch at a time.

    A GPU computes in bfloat16, one that cannot in float16; a processor computes in float32, on
    all cores. Attention is torch's scaled_dot_product_attention.
    """

    name = "torch"

    def __init__(self, folder: Path) -> None:
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        dtype = _dtype(self._device)
        self.precision: str | None = PRECISIONS[dtype]
        logging.disable_progress_bar()
        model = AutoModelForSequenceClassification.from_pretrained(
            folder, dtype=dtype, attn_implementation="sdpa", local_files_only=True
        )
        self._model = PackedClassifier(model.eval().to(self._device))
        self._one_at_a_time = Lock()

    def logits(self, arrays: Arrays) -> np.ndarray:
        """Return float32 logits [texts, labels] for the arrays of a pass, as packing makes them.

        Raises RuntimeError or IndexError, with torch's own words, where the model fails.
        """
        tensors = (torch.from_numpy(arrays[name]).to(self._device) for name in INPUTS)
        with self._one_at_a_time, torch.inference_mode():
            return self._model(*tensors).float().cpu().numpy()

    def prepare(self, lone: Iterable[Arrays], shared: Iterable[Arrays]) -> None:
        """Get ready for passes of these shapes."""
        for arrays in chain(lone, shared):
            self.logits(arrays)


def _dtype(device: torch.device) -> torch.dtype:
    if device.type == "cpu":
        return torch.float32
    return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
