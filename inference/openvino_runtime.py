"""Run an exported model on the CPU by OpenVINO."""

from collections.abc import Callable, Iterable, Mapping, Set
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import openvino

from inference.dequantization import dequantize, is_quantized
from inference.packing import INPUTS, SINGLE_TEXT_WIDTHS, ModelInputs
from inference.stream_scheduler import NUM_STREAMS, StreamScheduler

PRECISION_HINT = ("runtime_options", "INFERENCE_PRECISION_HINT")
"""Where OpenVINO stores the precision that a model is meant to be computed in."""

ALL_CORES = {"PERFORMANCE_HINT": "LATENCY"}
# Not pinned, so that the system can move streams away from cores that are busy.
STREAMS = {"NUM_STREAMS": str(NUM_STREAMS), "ENABLE_CPU_PINNING": False}

TWEET_TOKENS = 64
"""The width of passes that 99.5 % of tweets fit into."""


class InputsError(ValueError):
    """A graph has other inputs than packed rows."""

    def __init__(self, names: Set[str]) -> None:
        found, expected = (", ".join(sorted(each)) for each in (names, INPUTS))
        super().__init__(f"its graph has the inputs {found} instead of {expected}")


class OpenVinoRuntime:
    """Run an OpenVINO model: a pass that comes alone on all cores, others side by side.

    Cores that share a pass wait for the slowest one at each operation; with a pass each, they do
    not wait.
    """

    name = "openvino"

    def __init__(self, graph: Path, *, dequantized: bool = False) -> None:
        """Load a graph; if ``dequantized``, compute an int8 graph in float32."""
        self._core = openvino.Core()
        model = self._core.read_model(graph)  # kept: the file may be deleted while serving
        self._model = dequantize(model) if dequantized else model
        self.is_quantized = is_quantized(self._model)
        self.precision: str | None = "fp32" if dequantized else None  # None: the graph's own
        self.processor = str(self._core.get_property("CPU", "FULL_DEVICE_NAME")).strip()
        _check_inputs({port.get_any_name() for port in self._model.inputs})
        self._scheduler = StreamScheduler(NUM_STREAMS)
        self._any_shape = self._compiled(self._model, ALL_CORES)
        self._by_shape: dict[tuple[int, ...], _ReloadableModel] = {}
        self._streams: _ReloadableModel | None = None

    def logits(self, inputs: ModelInputs) -> np.ndarray:
        """Return float32 logits [texts, labels] of a pass, given its collated inputs.

        Raises RuntimeError, with OpenVINO's message, if the model fails.
        """
        streams = self._streams
        with self._scheduler.acquire(exclusive=streams is None) as is_alone:
            if streams is not None and not is_alone:
                return streams.run(inputs)
            return self._by_shape.get(_shape(inputs), self._any_shape).run(inputs)

    def warm_up(self, single: Iterable[ModelInputs], packed: Iterable[ModelInputs]) -> None:
        """Prepare for passes of these shapes: of single short texts, and of packed ones.

        An int8 model is compiled again for each shape of a single text, and once more for passes
        side by side. Larger models are not, since each compiled copy takes as much memory as its
        weights. All are compiled at the same time, so that no core is idle.

        A model for all shapes takes 2 of the 13 ms of a single tweet in RoBERTa-base to adapt to
        another shape. Its first pass takes 0.1 s longer and each new shape 10 ms, which is why
        shapes of tweets are run here.
        """
        single, tweets = list(single), list(filter(_is_tweet_sized, packed))
        if not self.is_quantized:
            self._run_once(self._any_shape, [*tweets, *single])
            return
        with ThreadPoolExecutor(1 + len(single), "compile") as pool:
            streams = pool.submit(self._compile_streams, single)
            by_shape = pool.map(self._compile_for_shape, single)
            self._run_once(self._any_shape, tweets)
            self._by_shape.update(zip(map(_shape, single), by_shape, strict=True))
            self._streams = streams.result()

    def _compile_for_shape(self, inputs: ModelInputs) -> "_ReloadableModel":
        model = self._model.clone()
        model.reshape({name: list(array.shape) for name, array in inputs.items()})
        return self._run_once(self._compiled(model, ALL_CORES), [inputs])

    def _compile_streams(self, passes: Iterable[ModelInputs]) -> "_ReloadableModel":
        return self._run_once(self._compiled(self._model, STREAMS, NUM_STREAMS), passes)

    def _run_once(
        self, model: "_ReloadableModel", passes: Iterable[ModelInputs]
    ) -> "_ReloadableModel":
        for inputs in passes:
            with self._scheduler.acquire(exclusive=True):
                model.warm_up(inputs)
        return model

    def _compiled(
        self, model: openvino.Model, settings: Mapping[str, Any], passes: int = 1
    ) -> "_ReloadableModel":
        hints = {**settings, "INFERENCE_PRECISION_HINT": self._precision()}
        return _ReloadableModel(lambda: self._core.compile_model(model, "CPU", hints), passes)

    def _precision(self) -> str:
        """Return bf16 if the model asks for it and the CPU has it, else f32.

        By default OpenVINO uses bf16 on every CPU that has it, also for models whose accuracy was
        measured in fp32.
        """
        wants = self._model.has_rt_info(list(PRECISION_HINT)) and "bf16" == (
            self._model.get_rt_info(list(PRECISION_HINT)).astype(str)
        )
        has = "BF16" in self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        return "bf16" if wants and has else "f32"


class _ReloadableModel:
    """A compiled model that is compiled again after a failure; ``passes`` can run at once."""

    def __init__(self, compile_: Callable[[], openvino.CompiledModel], passes: int) -> None:
        self._compile = compile_
        self._passes = passes
        self._compiled: _InferRequestPool | None = self._compile_pool()

    def run(self, inputs: ModelInputs) -> np.ndarray:
        """Return the logits of a pass. Raises RuntimeError if it fails.

        After a failed pass OpenVINO keeps stale state: the next inputs of the same shape were seen
        to get another text's results, without an error. So the model is compiled again, in less
        than a second, and passes that ran beside the failed one are repeated.
        """
        while True:
            compiled = self._compiled = self._compiled or self._compile_pool()
            try:
                logits = compiled.run(inputs)
            except BaseException:
                self._drop(compiled)
                raise
            if not compiled.has_failed():
                return logits
            self._drop(compiled)

    def warm_up(self, inputs: ModelInputs) -> None:
        """Run a pass of this shape in each request: the first run takes longest."""
        (self._compiled or self._compile_pool()).warm_up(inputs)

    def _compile_pool(self) -> "_InferRequestPool":
        return _InferRequestPool(self._compile(), self._passes)

    def _drop(self, compiled: "_InferRequestPool") -> None:
        if self._compiled is compiled:
            self._compiled = None


class _InferRequestPool:
    """A compiled model with one infer request for each pass that can run at once."""

    def __init__(self, model: openvino.CompiledModel, passes: int) -> None:
        self._idle = [model.create_infer_request() for _ in range(passes)]
        self._running: list[openvino.InferRequest] = []

    def run(self, inputs: ModelInputs) -> np.ndarray:
        """Return the logits of a pass. Raises RuntimeError if it fails."""
        request = self._idle.pop()
        self._running.append(request)  # stays there if it fails
        request.start_async(inputs, share_inputs=True)
        request.wait()
        logits = np.array(request.get_output_tensor().data)
        self._running.remove(request)
        self._idle.append(request)
        return logits

    def has_failed(self) -> bool:
        """Return whether a pass has failed, even if its thread has not noticed yet."""
        try:
            for request in tuple(self._running):
                request.wait_for(0)  # raises the error of a failed pass
        except RuntimeError:
            return True
        return False

    def warm_up(self, inputs: ModelInputs) -> None:
        """Run a pass with each request."""
        for request in self._idle:
            request.start_async(inputs, share_inputs=True)
        for request in self._idle:
            request.wait()


def _shape(inputs: ModelInputs) -> tuple[int, ...]:
    """Return the numbers of rows, tokens and texts of a pass."""
    return (*inputs["input_ids"].shape, *inputs["first_tokens"].shape)


def _is_tweet_sized(inputs: ModelInputs) -> bool:
    """Return whether a pass is as wide as a tweet's and has no compiled model of its own."""
    rows, tokens = inputs["input_ids"].shape
    return bool(rows == 1 and max(SINGLE_TEXT_WIDTHS) < tokens <= TWEET_TOKENS)


def _check_inputs(names: Set[str]) -> None:
    if names != set(INPUTS):
        raise InputsError(names)
