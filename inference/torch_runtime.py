"""Run a model's weights by torch, on a GPU if one is present."""

import platform
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from threading import Lock

import numpy as np
import torch
from transformers import AutoModelForSequenceClassification
from transformers.utils import logging

from inference.cuda_graphs import CapturedGraph
from inference.packed_classifier import PackedClassifier
from inference.packing import INPUTS, ModelInputs

PRECISIONS = {torch.float32: "fp32", torch.bfloat16: "bf16", torch.float16: "fp16"}


class TorchRuntime:
    """Run a model as transformers saved it, one pass at a time.

    A GPU computes in bfloat16, or in float16 if it lacks that; a CPU in float32, on all cores.
    Attention is torch's scaled_dot_product_attention.
    """

    name = "torch"
    is_quantized = False

    def __init__(self, folder: Path) -> None:
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        dtype = _dtype(device)
        self.precision: str | None = PRECISIONS[dtype]
        self.processor = _name(device)
        logging.disable_progress_bar()
        model = AutoModelForSequenceClassification.from_pretrained(
            folder, dtype=dtype, attn_implementation="sdpa", local_files_only=True
        )
        self._vocab_size = model.config.vocab_size
        self._model = PackedClassifier(model.eval().to(device))
        self._device = device
        self._gpu_stream = torch.cuda.Stream() if device.type == "cuda" else None
        self._captured: dict[tuple[int, ...], CapturedGraph] = {}
        self._lock = Lock()

    def logits(self, inputs: ModelInputs) -> np.ndarray:
        """Return float32 logits [texts, labels] of a pass, given its collated inputs.

        Raises IndexError for a token id outside of the vocabulary, and RuntimeError, with torch's
        message, if the model fails.
        """
        token = inputs["input_ids"].max()
        if token >= self._vocab_size:  # after such an index a GPU fails until the process ends
            raise IndexError(f"token id {token} is outside of the vocabulary of {self._vocab_size}")
        with self._exclusive():
            captured = self._captured.get(inputs["input_ids"].shape)
            if captured and captured.has_room(inputs):
                return captured.logits(inputs)
            return self._launch(inputs)

    def warm_up(self, single: Iterable[ModelInputs], packed: Iterable[ModelInputs]) -> None:
        """Prepare for passes of these shapes: a GPU captures them, the largest first."""
        pool = torch.cuda.graph_pool_handle() if self._gpu_stream else None
        for inputs in chain(packed, single):
            with self._exclusive():
                self._launch(inputs)
                if self._gpu_stream:
                    captured = CapturedGraph(self._model, inputs, pool)
                    self._captured[inputs["input_ids"].shape] = captured

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        with self._lock, torch.inference_mode(), torch.cuda.stream(self._gpu_stream):
            yield

    def _launch(self, inputs: ModelInputs) -> np.ndarray:
        tensors = (torch.from_numpy(inputs[name]).to(self._device) for name in INPUTS)
        return self._model(*tensors).float().cpu().numpy()


def _name(device: torch.device) -> str:
    if device.type == "cuda":
        return str(torch.cuda.get_device_name(device))
    return platform.processor() or platform.machine()


def _dtype(device: torch.device) -> torch.dtype:
    if device.type == "cpu":
        return torch.float32
    return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
