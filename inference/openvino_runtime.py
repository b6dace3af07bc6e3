"""Run an exported encoder on the processor, by OpenVINO."""

from collections.abc import Set
from pathlib import Path
from threading import Lock

import numpy as np
import openvino

from inference.packing import INPUTS, Arrays

PRECISION_HINT = ("runtime_options", "INFERENCE_PRECISION_HINT")
"""Where a graph says in which precision it wants to be computed, as OpenVINO itself reads it."""


class InputsError(ValueError):
    """A graph reads something else than packed rows."""

    def __init__(self, names: Set[str]) -> None:
        found, expected = (", ".join(sorted(each)) for each in (names, INPUTS))
        super().__init__(f"its graph reads {found}, not {expected}")


class OpenVinoRuntime:
    """Execute an OpenVINO graph, one batch at a time, on all cores."""

    name = "openvino"
    precision: str | None = None  # it is the graph's own

    def __init__(self, graph: Path) -> None:
        self._core = openvino.Core()
        self._model = self._core.read_model(graph)  # kept: the file may go while we serve
        _check_inputs({port.get_any_name() for port in self._model.inputs})
        self._request: openvino.InferRequest | None = self._compiled()
        self._one_at_a_time = Lock()

    def logits(self, arrays: Arrays) -> np.ndarray:
        """Return float32 logits [texts, labels] for the arrays of a pass, as packing makes them.

        Raises RuntimeError, with OpenVINO's own words, where the graph fails.
        """
        with self._one_at_a_time:
            # A graph that failed midway keeps half of its state: the next inputs of the same
            # shape were seen to get an earlier text's results, without any error. So a request
            # is used again only after it went well; to compile anew takes less than a second.
            request, self._request = self._request or self._compiled(), None
            request.infer(arrays, share_inputs=True)
            logits = np.array(request.get_output_tensor().data)
            self._request = request
            return logits

    def _compiled(self) -> openvino.InferRequest:
        settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": self._precision()}
        return self._core.compile_model(self._model, "CPU", settings).create_infer_request()

    def _precision(self) -> str:
        """Return bf16 for a graph that asks for it on a processor that has it.

        Left alone, OpenVINO would take bf16 wherever it can, also for graphs whose accuracy was
        measured in fp32.
        """
        wants = self._model.has_rt_info(list(PRECISION_HINT)) and "bf16" == (
            self._model.get_rt_info(list(PRECISION_HINT)).astype(str)
        )
        has = "BF16" in self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        return "bf16" if wants and has else "f32"


def _check_inputs(names: Set[str]) -> None:
    if names != set(INPUTS):
        raise InputsError(names)
