"""The precise form of an int8 graph: the same weights, multiplied in float32.

Processors without VNNI add products of int8 in 16 bits. Graphs that leave too little room for that
overflow there without any error. In float32 nothing can overflow. It takes more memory and, on
processors with VNNI, three times as long.
"""

from collections.abc import Iterator

import numpy as np
import openvino
from openvino import opset15 as opset


def is_quantized(model: openvino.Model) -> bool:
    """Check whether a graph computes with quantised activations."""
    return any(True for _ in _nodes(model, "FakeQuantize"))


def precise_form(model: openvino.Model) -> openvino.Model:
    """Return a copy that takes activations as they are, and multiplies them by float32 weights.

    Left as int8, weights are multiplied by kernels that some processors lack.
    """
    precise = model.clone()
    for quantizer in list(_nodes(precise, "FakeQuantize")):
        unquantized = _unquantized(quantizer)
        for target in quantizer.output(0).get_target_inputs():
            target.replace_source_output(unquantized)
    for product in _nodes(precise, "MatMul"):
        if (weights := _float_weights(product.input_value(1))) is not None:
            product.input(1).replace_source_output(opset.constant(weights).output(0))
    precise.validate_nodes_and_infer_types()
    return precise


def _nodes(model: openvino.Model, kind: str) -> Iterator[openvino.Node]:
    return (node for node in model.get_ordered_ops() if node.get_type_name() == kind)


def _float_weights(output: openvino.Output) -> np.ndarray | None:
    """Return weights that are integers times scales as float32, None for other inputs."""
    scaled = output.get_node()
    if scaled.get_type_name() != "Multiply":
        return None
    converted, scales = (port.get_node() for port in scaled.input_values())
    kinds = (converted.get_type_name(), scales.get_type_name())
    if kinds != ("Convert", "Constant"):
        return None
    integers = converted.input_value(0).get_node()
    return np.asarray(integers.get_data() * scales.get_data(), dtype=np.float32)


def _unquantized(quantizer: openvino.Node) -> openvino.Output:
    """Return what the quantiser's output is an approximation of.

    A quantiser maps one range linearly to another, in steps; this is the line without the steps.
    Source: the specification of OpenVINO's FakeQuantize-1.
    """
    numbers, *bounds = quantizer.input_values()
    low, high, to_low, to_high = (
        np.asarray(bound.get_node().get_data(), dtype=np.float64) for bound in bounds
    )
    slope = (to_high - to_low) / (high - low)
    offset = to_low - low * slope
    if not np.allclose(slope, 1):
        numbers = opset.multiply(numbers, slope.astype(np.float32)).output(0)
    if offset.any():
        numbers = opset.add(numbers, offset.astype(np.float32)).output(0)
    return numbers
