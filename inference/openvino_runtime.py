"""Run an exported encoder on the processor, by OpenVINO."""

from collections.abc import Set
from pathlib import Path
from threading import Lock

import numpy as np
import openvino

from inference.packing import INPUTS, Arrays

PRECISION_HINT = ("runtime_options", "INFERENCE_PRECISION_HINT")
"""Where a graph says in which precision it wants to be computed, as OpenVINO itself reads it."""

ANY_SHAPE: tuple[int, ...] = ()
"""Stands for the graph that takes passes of all shapes."""


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
        self._requests = {ANY_SHAPE: self._compiled(self._model)}
        self._one_at_a_time = Lock()

    def logits(self, arrays: Arrays) -> np.ndarray:
        """Return float32 logits [texts, labels] for the arrays of a pass, as packing makes them.

        Raises RuntimeError, with OpenVINO's own words, where the graph fails.
        """
        with self._one_at_a_time:
            shape = _shape(arrays)
            if shape not in self._requests:
                shape = ANY_SHAPE
            # A graph that failed midway keeps half of its state: the next inputs of the same
            # shape were seen to get an earlier text's results, without any error. So a request
            # is used again only after it went well. To compile the graph for all shapes anew takes
            # less than a second; one of a fixed shape is given up, and the former does its work.
            request = self._requests.pop(shape, None) or self._compiled(self._model)
            request.infer(arrays, share_inputs=True)
            logits = np.array(request.get_output_tensor().data)
            self._requests[shape] = request
            return logits

    def prepare(self, arrays: Arrays) -> None:
        """Get ready for passes of the shape of this one: int8 graphs get another one, for no other.

        A graph for all shapes gets ready anew for each change of them, which takes about 2 of the
        13 ms of a lone tweet in RoBERTa-base. Another one takes as much memory as its weights do,
        which is too much for those of other precisions, that are slower anyway.
        """
        if not any(node.get_type_name() == "FakeQuantize" for node in self._model.get_ops()):
            self.logits(arrays)
            return
        model = self._model.clone()
        model.reshape({name: list(array.shape) for name, array in arrays.items()})
        request = self._compiled(model)
        request.infer(arrays, share_inputs=True)  # the first time takes longest
        with self._one_at_a_time:
            self._requests[_shape(arrays)] = request

    def _compiled(self, model: openvino.Model) -> openvino.InferRequest:
        settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": self._precision()}
        return self._core.compile_model(model, "CPU", settings).create_infer_request()

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


def _shape(arrays: Arrays) -> tuple[int, ...]:
    """Return how many rows, tokens and texts a pass has."""
    return (*arrays["input_ids"].shape, *arrays["first_tokens"].shape)


def _check_inputs(names: Set[str]) -> None:
    if names != set(INPUTS):
        raise InputsError(names)
