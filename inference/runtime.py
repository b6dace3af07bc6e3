"""Run an exported encoder on the processor."""

from pathlib import Path
from threading import Lock
from typing import Protocol

import numpy as np
import openvino

from inference.tokenization import Arrays


class Runtime(Protocol):
    """What the classifier needs of whatever executes the model."""

    name: str

    def logits(self, arrays: Arrays) -> np.ndarray:
        """Return float32 logits [texts, labels] for int64 arrays [texts, tokens]."""


class OpenVinoRuntime:
    """Execute an OpenVINO graph, one batch at a time, on all cores."""

    name = "openvino"

    def __init__(self, graph: Path) -> None:
        self._core = openvino.Core()
        self._model = self._core.read_model(graph)  # kept: the file may go while we serve
        self._input_names = [port.get_any_name() for port in self._model.inputs]
        self._request: openvino.InferRequest | None = self._compiled()
        self._one_at_a_time = Lock()

    def logits(self, arrays: Arrays) -> np.ndarray:
        """Return float32 logits [texts, labels] for int64 arrays [texts, tokens].

        Arrays that the graph has no input for are left out: only some encoders know token
        types. Raises RuntimeError, with OpenVINO's own words, where the graph fails.
        """
        inputs = {name: arrays[name] for name in self._input_names}
        with self._one_at_a_time:
            # A graph that failed midway keeps half of its state: the next inputs of the same
            # shape were seen to get an earlier text's results, without any error. So a request
            # is used again only after it went well; to compile anew takes less than a second.
            request, self._request = self._request or self._compiled(), None
            request.infer(inputs, share_inputs=True)
            logits = np.array(request.get_output_tensor().data)
            self._request = request
            return logits

    def _compiled(self) -> openvino.InferRequest:
        # fp32 weights are to be computed in fp32 also where the processor has bf16
        settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
        return self._core.compile_model(self._model, "CPU", settings).create_infer_request()
