"""Run an exported encoder on the processor, by OpenVINO."""

from collections.abc import Callable, Iterable, Mapping, Set
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import openvino

from inference.packing import INPUTS, LONE_WIDTHS, Arrays
from inference.precise_form import is_quantized, precise_form
from inference.stream_scheduler import LANES, Turns

PRECISION_HINT = ("runtime_options", "INFERENCE_PRECISION_HINT")
"""Where a graph says in which precision it wants to be computed, as OpenVINO itself reads it."""

ON_ALL_CORES = {"PERFORMANCE_HINT": "LATENCY"}
# Not pinned to their cores, so that the system can keep them apart from whatever else works.
SIDE_BY_SIDE = {"NUM_STREAMS": str(LANES), "ENABLE_CPU_PINNING": False}


TWEET_TOKENS = 64
"""As wide as the passes are that 99.5 % of tweets come in."""


class InputsError(ValueError):
    """A graph reads something else than packed rows."""

    def __init__(self, names: Set[str]) -> None:
        found, expected = (", ".join(sorted(each)) for each in (names, INPUTS))
        super().__init__(f"its graph reads {found}, not {expected}")


class OpenVinoRuntime:
    """Execute an OpenVINO graph: a pass that comes alone on all cores, others side by side.

    Cores that share a pass wait for the slowest of them at each operation, whatever else it is
    busy with; with a pass each, they wait for nobody.
    """

    name = "openvino"

    def __init__(self, graph: Path, *, precise: bool = False) -> None:
        """Load a graph; if ``precise``, compute an int8 one in float32."""
        self._core = openvino.Core()
        model = self._core.read_model(graph)  # kept: the file may go while we serve
        self._model = precise_form(model) if precise else model
        self.has_precise_form = is_quantized(self._model)
        self.precision: str | None = "fp32" if precise else None  # else it is the graph's own
        self.processor = str(self._core.get_property("CPU", "FULL_DEVICE_NAME")).strip()
        _check_inputs({port.get_any_name() for port in self._model.inputs})
        self._turns = Turns(LANES)
        self._alone = self._compiled(self._model, ON_ALL_CORES)
        self._alone_by_shape: dict[tuple[int, ...], _Graph] = {}
        self._side_by_side: _Graph | None = None

    def logits(self, arrays: Arrays) -> np.ndarray:
        """Return float32 logits [texts, labels] for the arrays of a pass, as packing makes them.

        Raises RuntimeError, with OpenVINO's own words, where the graph fails.
        """
        side_by_side = self._side_by_side
        with self._turns.take(may_share=side_by_side is not None) as is_alone:
            if side_by_side is not None and not is_alone:
                return side_by_side.run(arrays)
            return self._alone_by_shape.get(_shape(arrays), self._alone).run(arrays)

    def prepare(self, lone: Iterable[Arrays], shared: Iterable[Arrays]) -> None:
        """Get ready for passes of these shapes: those that often come alone, and all others.

        An int8 graph gets another one for each of the former, and one to run side by side. Others
        do not, since each takes as much memory as its weights. All are compiled at once, which
        leaves no core idle.

        A graph for all shapes gets ready anew for each change of them, which takes about 2 of the
        13 ms of a lone tweet in RoBERTa-base. Its first pass takes 0.1 s more, so that is run here,
        and some 10 ms for each shape that is new to it, of which only those of tweets are.
        """
        lone, tweets = list(lone), list(filter(_is_of_a_tweet, shared))
        if not self.has_precise_form:
            self._warm_up(self._alone, [*tweets, *lone])
            return
        with ThreadPoolExecutor(1 + len(lone), "compile") as pool:
            side_by_side = pool.submit(self._prepared_side_by_side, lone)  # two of them may meet
            alone = pool.map(self._prepared_for_shape, lone)
            self._warm_up(self._alone, tweets)
            self._alone_by_shape.update(zip(map(_shape, lone), alone, strict=True))
            self._side_by_side = side_by_side.result()

    def _prepared_for_shape(self, arrays: Arrays) -> "_Graph":
        model = self._model.clone()
        model.reshape({name: list(array.shape) for name, array in arrays.items()})
        return self._warm_up(self._compiled(model, ON_ALL_CORES), [arrays])

    def _prepared_side_by_side(self, passes: Iterable[Arrays]) -> "_Graph":
        return self._warm_up(self._compiled(self._model, SIDE_BY_SIDE, LANES), passes)

    def _warm_up(self, graph: "_Graph", passes: Iterable[Arrays]) -> "_Graph":
        for arrays in passes:
            with self._turns.take(may_share=False):
                graph.warm_up(arrays)
        return graph

    def _compiled(
        self, model: openvino.Model, settings: Mapping[str, Any], passes: int = 1
    ) -> "_Graph":
        hints = {**settings, "INFERENCE_PRECISION_HINT": self._precision()}
        return _Graph(lambda: self._core.compile_model(model, "CPU", hints), passes)

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


class _Graph:
    """A graph that is compiled for the processor, by which so many passes can run at once."""

    def __init__(self, compile_: Callable[[], openvino.CompiledModel], passes: int) -> None:
        self._compile = compile_
        self._passes = passes
        self._compiled: _Compiled | None = self._anew()

    def run(self, arrays: Arrays) -> np.ndarray:
        """Return the logits of a pass. Raises RuntimeError where it fails.

        A graph that failed midway keeps half of its state: the next inputs of the same shape were
        seen to get an earlier text's results, without any error. So it is compiled anew after
        that, in less than a second, and what ran beside the failure is run again.
        """
        while True:
            compiled = self._compiled = self._compiled or self._anew()
            try:
                logits = compiled.run(arrays)
            except BaseException:
                self._drop(compiled)
                raise
            if not compiled.has_failed():
                return logits
            self._drop(compiled)

    def warm_up(self, arrays: Arrays) -> None:
        """Run a pass of this shape as often at once as can be: the first time takes longest."""
        (self._compiled or self._anew()).warm_up(arrays)

    def _anew(self) -> "_Compiled":
        return _Compiled(self._compile(), self._passes)

    def _drop(self, compiled: "_Compiled") -> None:
        if self._compiled is compiled:
            self._compiled = None


class _Compiled:
    """A compiled graph, with a request for each pass that can run in it at once."""

    def __init__(self, model: openvino.CompiledModel, passes: int) -> None:
        self._idle = [model.create_infer_request() for _ in range(passes)]
        self._running: list[openvino.InferRequest] = []

    def run(self, arrays: Arrays) -> np.ndarray:
        """Return the logits of a pass. Raises RuntimeError where it fails, now and afterwards."""
        request = self._idle.pop()
        self._running.append(request)  # for ever, if it fails
        request.start_async(arrays, share_inputs=True)
        request.wait()
        logits = np.array(request.get_output_tensor().data)
        self._running.remove(request)
        self._idle.append(request)
        return logits

    def has_failed(self) -> bool:
        """Tell whether a pass has failed, also if whoever waits for it does not know yet."""
        try:
            for request in tuple(self._running):
                request.wait_for(0)  # raises what it failed with
        except RuntimeError:
            return True
        return False

    def warm_up(self, arrays: Arrays) -> None:
        """Run a pass with each request."""
        for request in self._idle:
            request.start_async(arrays, share_inputs=True)
        for request in self._idle:
            request.wait()


def _shape(arrays: Arrays) -> tuple[int, ...]:
    """Return how many rows, tokens and texts a pass has."""
    return (*arrays["input_ids"].shape, *arrays["first_tokens"].shape)


def _is_of_a_tweet(arrays: Arrays) -> bool:
    """Return whether a pass is as wide as that of a tweet that has no graph of its own."""
    rows, tokens = arrays["input_ids"].shape
    return bool(rows == 1 and max(LONE_WIDTHS) < tokens <= TWEET_TOKENS)


def _check_inputs(names: Set[str]) -> None:
    if names != set(INPUTS):
        raise InputsError(names)
