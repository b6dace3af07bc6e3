"""An int8 graph can be computed in float32 instead."""

from pathlib import Path

import numpy as np
import openvino
import pytest
from openvino import opset15 as opset

from inference.classifier import Classifier
from inference.dequantization import dequantize, is_quantized


@pytest.fixture(name="graph")
def fixture_graph(starter: Path) -> openvino.Model:
    """Read the starter's int8 graph."""
    return openvino.Core().read_model(starter / "openvino_model.xml")


def test_a_dequantized_copy_has_no_quantizers_and_the_graph_keeps_its_own(
    graph: openvino.Model,
) -> None:
    precise = dequantize(graph)

    assert not is_quantized(precise)
    assert is_quantized(graph)


def test_dequantized_probabilities_are_close_to_int8(starter: Path, tweets: list[str]) -> None:
    int8, precise = Classifier.load(starter), Classifier.load(starter, dequantized=True)

    found = precise.classify(tweets)

    assert "fp32" == precise.runtime.precision
    assert np.abs(int8.classify(tweets) - found).max() < 0.05
    assert np.abs(int8.classify(tweets) - found).max() > 0  # they are not the same computation


@pytest.mark.parametrize("to_range", [(0.0, 6.0), (-2.0, 4.0), (10.0, 40.0)])
def test_a_quantizer_becomes_its_linear_map(to_range: tuple[float, float]) -> None:
    numbers = opset.parameter([-1], np.float32)
    ends = (np.float32(end) for end in (-2, 4, *to_range))
    graph = openvino.Model([opset.fake_quantize(numbers, *ends, 256)], [numbers])
    given = np.array([-2, -0.5, 0, 3.999, 4], np.float32)
    steps = (to_range[1] - to_range[0]) / 255

    compiled = openvino.Core().compile_model(dequantize(graph), "CPU")

    (found,) = compiled(given).values()
    slope = (to_range[1] - to_range[0]) / 6
    np.testing.assert_allclose((given + 2) * slope + to_range[0], found, rtol=1e-5)
    (quantized,) = openvino.Core().compile_model(graph, "CPU")(given).values()
    np.testing.assert_allclose(quantized, found, atol=steps)
