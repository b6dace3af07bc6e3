"""The runtime returns each input's own result, or an error."""

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import openvino
import pytest
from openvino import opset15 as opset

from inference import openvino_runtime
from inference.classifier import softmax
from inference.model_folder import ModelFolder
from inference.openvino_runtime import PRECISION_HINT, InputsError, OpenVinoRuntime
from inference.packing import INPUTS, ModelInputs, collate
from inference.reference_predictions import SCORE_BOUNDS
from inference.stream_scheduler import NUM_STREAMS
from inference.tokenization import TweetTokenizer
from tests.support.broken_models import POISON, make_failing_model
from tests.support.server import eventually

RealCore = openvino.Core


@pytest.fixture(name="folder")
def fixture_folder(starter: Path, tmp_path: Path) -> ModelFolder:
    """Make a model that fails on texts with the poison word."""
    return ModelFolder.read(make_failing_model(starter, tmp_path / "model"))


@pytest.fixture(name="poisoned")
def fixture_poisoned(folder: ModelFolder) -> ModelInputs:
    """Encode a text that fails."""
    return collate([[0]], TweetTokenizer(folder).encode([POISON]), folder.pad_token_id)


@pytest.fixture(name="healthy")
def fixture_healthy(folder: ModelFolder, poisoned: ModelInputs) -> ModelInputs:
    """Encode a text that fills a pass of the failing one's shape."""
    _, length = poisoned["input_ids"].shape
    (token_ids,) = TweetTokenizer(folder).encode(["good " * 200])
    return collate([[0]], [token_ids[:length]], folder.pad_token_id)


@pytest.fixture(name="compiled")
def fixture_compiled(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Record the settings with which models are compiled."""
    noted: list[Any] = []
    monkeypatch.setattr("inference.openvino_runtime.openvino.Core", lambda: Core(False, noted))
    return noted


def test_logits_are_float32_with_a_row_for_each_text(starter: Path, healthy: ModelInputs) -> None:
    runtime = OpenVinoRuntime(ModelFolder.read(starter).graph_path)

    logits = runtime.logits(healthy | {"first_tokens": np.array([0, 1, 2, 3, 4])})

    assert ((5, 3), np.float32) == (logits.shape, logits.dtype)


def test_a_graph_with_other_inputs_is_refused_with_their_names(
    starter: Path, tmp_path: Path
) -> None:
    graph = openvino.Core().read_model(ModelFolder.read(starter).graph_path)
    graph.input("segment_ids").get_tensor().set_names({"attention_mask"})
    openvino.save_model(graph, tmp_path / "graph.xml", compress_to_fp16=False)

    with pytest.raises(InputsError, match=r"inputs attention_mask, .* instead of .*, segment_ids"):
        OpenVinoRuntime(tmp_path / "graph.xml")


def test_a_failed_pass_returns_no_earlier_result(
    folder: ModelFolder, healthy: ModelInputs, poisoned: ModelInputs
) -> None:
    runtime = OpenVinoRuntime(folder.graph_path)
    expected = runtime.logits(healthy)

    for _ in range(3):  # of one shape: the second failure was answered with an earlier result
        with pytest.raises(RuntimeError):
            runtime.logits(poisoned)

    assert np.allclose(expected, runtime.logits(healthy), atol=1e-3)


def test_the_model_is_compiled_again_after_its_files_are_deleted(
    folder: ModelFolder, healthy: ModelInputs, poisoned: ModelInputs
) -> None:
    runtime = OpenVinoRuntime(folder.graph_path)
    expected = runtime.logits(healthy)
    shutil.rmtree(folder.path)

    with pytest.raises(RuntimeError):
        runtime.logits(poisoned)

    assert np.allclose(expected, runtime.logits(healthy), atol=1e-3)


def test_a_warm_runtime_returns_the_same_logits_alone_and_side_by_side(
    starter: Path,
) -> None:
    folder = ModelFolder.read(starter)
    passes = [collate([[0]], [[5, *range(9, 9 + size), 6]], 1) for size in (10, 20, 40)]
    general, prepared = OpenVinoRuntime(folder.graph_path), OpenVinoRuntime(folder.graph_path)
    prepared.warm_up(passes[:1], passes[1:])

    alone = [prepared.logits(arrays) for arrays in passes]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(prepared.logits, passes * 20))

    expected = [softmax(general.logits(arrays)) for arrays in passes]
    for number, logits in enumerate(alone + together):
        np.testing.assert_allclose(expected[number % 3], softmax(logits), atol=SCORE_BOUNDS["int8"])


def test_streams_are_warmed_up_with_single_texts(
    starter: Path, healthy: ModelInputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    warmed: list[tuple[int, int]] = []

    def note(graph: object, arrays: ModelInputs) -> None:
        warmed.append((id(graph), id(arrays)))

    monkeypatch.setattr("inference.openvino_runtime._ReloadableModel.warm_up", note)
    shared = collate([[0, 1]], [[5, 9, 6]] * 2, 1)
    runtime = OpenVinoRuntime(ModelFolder.read(starter).graph_path)

    runtime.warm_up([healthy], [shared])

    by_graph: dict[int, list[int]] = {}
    for graph, passed in warmed:
        by_graph.setdefault(graph, []).append(passed)
    assert [[id(healthy)], [id(healthy)]] == list(by_graph.values())  # alone, and side by side


def test_only_tweet_sized_packed_shapes_are_run_at_warm_up(
    starter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[tuple[int, ...]] = []

    def note(_graph: object, arrays: ModelInputs) -> None:
        ran.append(arrays["input_ids"].shape)

    monkeypatch.setattr("inference.openvino_runtime._ReloadableModel.warm_up", note)
    shared = [
        collate([[0]] * rows, [[5, *[9] * (tokens - 2), 6]], 1)
        for rows, tokens in ((4, 128), (1, 72), (1, 64), (1, 40), (1, 24))
    ]

    OpenVinoRuntime(ModelFolder.read(starter).graph_path).warm_up([], shared)

    assert [(1, 40), (1, 64)] == sorted(ran)


@pytest.mark.parametrize("is_int8", [True, False])
def test_only_int8_models_are_compiled_per_shape_and_for_streams(
    starter: Path, tmp_path: Path, healthy: ModelInputs, compiled: list[Any], is_int8: bool
) -> None:
    path = ModelFolder.read(starter).graph_path if is_int8 else float_graph(tmp_path / "graph.xml")
    runtime = OpenVinoRuntime(path)

    runtime.warm_up([healthy], [healthy])
    runtime.logits(healthy)

    asked = [settings.get("NUM_STREAMS") for settings in compiled]
    assert (["2", None, None] if is_int8 else [None]) == sorted(asked, key=str)


def test_a_pass_of_a_compiled_shape_does_not_run_the_model_for_any_shape(
    folder: ModelFolder, healthy: ModelInputs, poisoned: ModelInputs, compiled: list[Any]
) -> None:
    runtime = OpenVinoRuntime(folder.graph_path)
    runtime.warm_up([healthy], [])
    before = len(compiled)

    with pytest.raises(RuntimeError):
        runtime.logits(poisoned)  # in the graph of its own
    other = {name: np.concatenate([array, array]) for name, array in healthy.items()}
    runtime.logits(other)

    assert before == len(compiled)  # the graph for all shapes would be compiled again


def test_a_failed_pass_of_a_compiled_shape_returns_no_earlier_result(
    folder: ModelFolder, healthy: ModelInputs, poisoned: ModelInputs
) -> None:
    runtime = OpenVinoRuntime(folder.graph_path)
    runtime.warm_up([healthy], [])
    expected = runtime.logits(healthy)

    for _ in range(3):
        with pytest.raises(RuntimeError):
            runtime.logits(poisoned)

    assert np.allclose(expected, runtime.logits(healthy), atol=1e-3)


def test_a_failed_pass_does_not_affect_passes_beside_it(
    folder: ModelFolder, healthy: ModelInputs, poisoned: ModelInputs
) -> None:
    runtime = OpenVinoRuntime(folder.graph_path)
    expected = runtime.logits(healthy)
    runtime.warm_up([], [healthy])

    def outcome(arrays: ModelInputs) -> np.ndarray | None:
        try:
            return runtime.logits(arrays)
        except RuntimeError:
            return None

    with ThreadPoolExecutor(3) as pool:
        outcomes = list(pool.map(outcome, [healthy, poisoned, poisoned, poisoned] * 8))

    for number, logits in enumerate(outcomes):
        if number % 4:
            assert logits is None
        else:
            assert logits is not None
            assert np.allclose(expected, logits, atol=1e-3)


def test_passes_that_arrive_together_run_side_by_side(
    starter: Path, healthy: ModelInputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = OpenVinoRuntime(ModelFolder.read(starter).graph_path)
    runtime.warm_up([], [healthy])
    run = openvino_runtime._ReloadableModel.run  # pylint: disable=protected-access  # where passes meet
    is_begun, may_end = threading.Event(), threading.Event()
    meeting = threading.Barrier(NUM_STREAMS)

    def wait(graph: Any, arrays: ModelInputs) -> np.ndarray:
        if is_begun.is_set():
            meeting.wait(60)  # raises where no other pass comes
        else:
            is_begun.set()
            may_end.wait(60)
        return run(graph, arrays)

    monkeypatch.setattr(openvino_runtime._ReloadableModel, "run", wait)  # pylint: disable=protected-access
    with ThreadPoolExecutor() as pool:
        alone = pool.submit(runtime.logits, healthy)
        assert is_begun.wait(60)
        together = [pool.submit(runtime.logits, healthy) for _ in range(NUM_STREAMS)]
        eventually(lambda: runtime._scheduler.waiting == NUM_STREAMS, 60)  # pylint: disable=protected-access
        may_end.set()

    for made in together:
        np.testing.assert_allclose(
            softmax(alone.result()), softmax(made.result()), atol=SCORE_BOUNDS["int8"]
        )


@pytest.mark.parametrize("has_bf16", [True, False])
@pytest.mark.parametrize("wants_bf16", [True, False])
def test_bf16_is_used_if_the_graph_asks_for_it_and_the_cpu_has_it(
    starter: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    has_bf16: bool,
    wants_bf16: bool,
) -> None:
    graph = openvino.Core().read_model(ModelFolder.read(starter).graph_path)
    if wants_bf16:
        graph.set_rt_info("bf16", list(PRECISION_HINT))
    path = tmp_path / "graph.xml"
    openvino.save_model(graph, path, compress_to_fp16=False)
    asked: list[Any] = []
    monkeypatch.setattr("inference.openvino_runtime.openvino.Core", lambda: Core(has_bf16, asked))

    OpenVinoRuntime(path)

    assert 1 == len(asked)
    settings = asked[0]
    assert ("bf16" if has_bf16 and wants_bf16 else "f32") == settings["INFERENCE_PRECISION_HINT"]


def float_graph(path: Path) -> Path:
    """Write a graph that returns the ids of the first tokens."""
    inputs = []
    for name in INPUTS:
        shape = [-1] if name == "first_tokens" else [-1, -1]
        inputs.append(opset.parameter(shape, np.int64, name=name))
        inputs[-1].output(0).get_tensor().set_names({name})
    ids = opset.reshape(inputs[0], np.array([-1, 1]), special_zero=False)
    logits = opset.convert(opset.gather(ids, inputs[-1], np.array(0)), "f32")
    openvino.save_model(openvino.Model([logits], inputs), path, compress_to_fp16=False)
    return path


class Core:
    """OpenVINO on a CPU with or without bf16; it compiles in float32."""

    def __init__(self, has_bf16: bool, asked: list[Any]) -> None:
        self._core = RealCore()
        self._capabilities = ["FP32", "INT8", *["BF16"] * has_bf16]
        self._asked = asked

    def read_model(self, path: Path) -> Any:
        """Read a graph."""
        return self._core.read_model(path)

    def get_property(self, device: str, name: str) -> Any:
        """Return the pretended capabilities of the CPU."""
        assert "CPU" == device
        if name == "FULL_DEVICE_NAME":
            return ["a processor"]
        assert "OPTIMIZATION_CAPABILITIES" == name
        return self._capabilities

    def compile_model(self, graph: Any, device: str, settings: dict[str, Any]) -> Any:
        """Record the settings."""
        self._asked.append(settings)
        return self._core.compile_model(
            graph, device, settings | {"INFERENCE_PRECISION_HINT": "f32"}
        )
