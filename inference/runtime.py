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
        self._graph = graph
        self._one_at_a_time = Lock()
        self._compile()

    def logits(self, arrays: Arrays) -> np.ndarray:
        """Return float32 logits [texts, labels] for int64 arrays [texts, tokens].

        Arrays that the graph has no input for are left out: only some encoders know token
        types. Raises RuntimeError, with OpenVINO's own words, where the graph fails.
        """
        with self._one_at_a_time:
            try:
                return self._infer(arrays)
            except RuntimeError:
                # A graph that failed midway keeps half of its state: the next inputs of the same
                # shape were seen to get the results of an earlier text, without any error.
                self._compile()
                raise

    def _compile(self) -> None:
        # fp32 weights are to be computed in fp32 also where the processor has bf16
        settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
        compiled = openvino.Core().compile_model(self._graph, "CPU", settings)
        self._input_names = [port.get_any_name() for port in compiled.inputs]
        self._request = compiled.create_infer_request()

    def _infer(self, arrays: Arrays) -> np.ndarray:
        inputs = {name: arrays[name] for name in self._input_names}
        self._request.infer(inputs, share_inputs=True)
        return np.array(self._request.get_output_tensor().data)
