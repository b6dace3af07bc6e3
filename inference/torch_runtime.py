"""Run a model's own weights by torch: on a GPU, if there is one."""

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

from inference.cuda_graphs import CapturedPass
from inference.packed_classifier import PackedClassifier
from inference.packing import INPUTS, Arrays

PRECISIONS = {torch.float32: "fp32", torch.bfloat16: "bf16", torch.float16: "fp16"}


class TorchRuntime:
    """Execute a model as transformers saved it, one pass at a time.

    A GPU computes in bfloat16, one that cannot in float16; a processor computes in float32, on
    all cores. Attention is torch's scaled_dot_product_attention.
    """

    name = "torch"
    has_precise_form = False

    def __init__(self, folder: Path) -> None:
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        dtype = _dtype(device)
        self.precision: str | None = PRECISIONS[dtype]
        self.processor = _name(device)
        logging.disable_progress_bar()
        model = AutoModelForSequenceClassification.from_pretrained(
            folder, dtype=dtype, attn_implementation="sdpa", local_files_only=True
        )
        self._vocabulary = model.config.vocab_size
        self._model = PackedClassifier(model.eval().to(device))
        self._device = device
        self._gpu_stream = torch.cuda.Stream() if device.type == "cuda" else None
        self._captured: dict[tuple[int, ...], CapturedPass] = {}
        self._one_at_a_time = Lock()

    def logits(self, arrays: Arrays) -> np.ndarray:
        """Return float32 logits [texts, labels] for the arrays of a pass, as packing makes them.

        Raises IndexError for a token that the model does not know, and RuntimeError, with torch's
        own words, where the model fails.
        """
        token = arrays["input_ids"].max()
        if token >= self._vocabulary:  # a GPU that is given one computes nothing any more
            raise IndexError(f"token {token} is none of the model's {self._vocabulary}")
        with self._turn():
            captured = self._captured.get(arrays["input_ids"].shape)
            if captured and captured.has_room(arrays):
                return captured.logits(arrays)
            return self._launch(arrays)

    def prepare(self, lone: Iterable[Arrays], shared: Iterable[Arrays]) -> None:
        """Get ready for passes of these shapes: a GPU captures them, from the largest on."""
        pool = torch.cuda.graph_pool_handle() if self._gpu_stream else None
        for arrays in chain(shared, lone):
            with self._turn():
                self._launch(arrays)
                if self._gpu_stream:
                    captured = CapturedPass(self._model, arrays, pool)
                    self._captured[arrays["input_ids"].shape] = captured

    @contextmanager
    def _turn(self) -> Iterator[None]:
        with self._one_at_a_time, torch.inference_mode(), torch.cuda.stream(self._gpu_stream):
            yield

    def _launch(self, arrays: Arrays) -> np.ndarray:
        tensors = (torch.from_numpy(arrays[name]).to(self._device) for name in INPUTS)
        return self._model(*tensors).float().cpu().numpy()


def _name(device: torch.device) -> str:
    if device.type == "cuda":
        return str(torch.cuda.get_device_name(device))
    return platform.processor() or platform.machine()


def _dtype(device: torch.device) -> torch.dtype:
    if device.type == "cpu":
        return torch.float32
    return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
