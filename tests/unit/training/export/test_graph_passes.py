"""A rewritten graph gives the same results."""

import numpy as np
import openvino
import pytest
from openvino import opset15 as opset

from training.export.graph_passes import shift_to_unsigned_activations

INPUTS, OUTPUTS = 64, 8
NUMBERS = np.random.default_rng(0).normal(size=(5, INPUTS)).astype(np.float32)


def multiplications(low: float, high: float) -> openvino.Model:
    """Return a graph that multiplies numbers between these limits by two sets of int8 weights."""
    random = np.random.default_rng(1)
    limits = [np.float32(low), np.float32(high)]
    numbers = opset.parameter([-1, INPUTS], np.float32)
    quantized = opset.fake_quantize(numbers, *limits, *limits, levels=256)
    products = []
    for _ in range(2):
        integers = random.integers(-127, 128, size=(OUTPUTS, INPUTS)).astype(np.int8)
        scales = random.uniform(0.01, 0.1, size=(OUTPUTS, 1)).astype(np.float32)
        weights = opset.multiply(opset.convert(integers, "f32"), scales)
        products.append(opset.matmul(quantized, weights, transpose_a=False, transpose_b=True))
    return openvino.Model(products, [numbers])


def products_of(graph: openvino.Model) -> np.ndarray:
    """Return what a graph makes of NUMBERS."""
    return np.array(list(openvino.compile_model(graph, "CPU")(NUMBERS).values()))


@pytest.mark.parametrize(("low", "high"), [(-0.5, 2.0), (-1.28, 1.27), (0.0, 1.0)])
def test_shifted_activations_give_the_same_products(low: float, high: float) -> None:
    graph = multiplications(low, high)
    before = products_of(graph)

    shift_to_unsigned_activations(graph)

    (node,) = (node for node in graph.get_ops() if node.get_type_name() == "FakeQuantize")
    assert 0 == node.input_value(3).get_node().get_data()
    assert high - low == pytest.approx(node.input_value(4).get_node().get_data().item())
    np.testing.assert_allclose(before, products_of(graph), rtol=1e-5, atol=1e-4)
