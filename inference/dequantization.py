"""Dequantize an int8 graph: the same weights, multiplied in float32.

CPUs without VNNI add int8 products in 16 bits, where some graphs overflow without an error. In
float32 nothing overflows, but a pass takes more memory and, on CPUs with VNNI, three times as long.
"""

from collections.abc import Iterator

import numpy as np
import openvino
from openvino import opset15 as opset


def is_quantized(model: openvino.Model) -> bool:
    """Return whether a graph has quantized activations."""
    return any(True for _ in _nodes(model, "FakeQuantize"))


def dequantize(model: openvino.Model) -> openvino.Model:
    """Return a copy without quantization of activations, and with float32 weights.

    int8 weights would still need kernels that some CPUs lack.
    """
    copy = model.clone()
    for quantizer in list(_nodes(copy, "FakeQuantize")):
        unquantized = _unquantized(quantizer)
        for target in quantizer.output(0).get_target_inputs():
            target.replace_source_output(unquantized)
    for product in _nodes(copy, "MatMul"):
        if (weights := _float_weights(product.input_value(1))) is not None:
            product.input(1).replace_source_output(opset.constant(weights).output(0))
    copy.validate_nodes_and_infer_types()
    return copy


def _nodes(model: openvino.Model, kind: str) -> Iterator[openvino.Node]:
    return (node for node in model.get_ordered_ops() if node.get_type_name() == kind)


def _float_weights(output: openvino.Output) -> np.ndarray | None:
    """Return integer weights times their scales as float32; None for other inputs."""
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
    """Return the quantizer's linear map of one range to another, without its rounding.

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
