"""Rewrite exported graphs to equivalent ones that take less time and memory."""

from collections.abc import Iterator

import numpy as np
import openvino
from openvino import opset15 as opset

MERGE_LAST = np.array([0, 0, -1])
"""Shape of a Reshape that keeps two dimensions and merges all others."""


def simplify_attention_reshapes(graph: openvino.Model) -> None:
    """Replace the Reshapes after attention, whose shapes transformers computes from other tensors.

    These computations are 64 of RoBERTa-base's 330 nodes, and 4 % of the time of a single tweet.
    Each layer has two: one leaves attention's output [rows, heads, tokens, size] unchanged, the
    other turns [rows, tokens, heads, size] into [rows, tokens, states].
    """
    for node in _nodes(graph, "Reshape"):
        source, shape = node.input_values()
        if _is(shape, "Constant"):
            continue
        if _is(source, "ScaledDotProductAttention") and _rank(node.output(0)) == 4:
            _replace(node, source)
        elif _is(source, "Transpose") and (_rank(source), _rank(node.output(0))) == (4, 3):
            _replace(node, opset.reshape(source, MERGE_LAST, special_zero=True).output(0))
    graph.validate_nodes_and_infer_types()


def dequantize_after_gather(graph: openvino.Model) -> None:
    """Dequantize int8 embeddings after the lookup instead of the whole table before it.

    Otherwise OpenVINO dequantizes the table when it loads the model, which takes 0.6 s and 190 MB
    more for the 50,265 embeddings of RoBERTa-base.
    """
    for node in _nodes(graph, "Gather"):
        table, ids, axis = node.input_values()
        if not (parts := _int8_parts(table)):
            continue
        integers, scales = parts
        if integers.get_shape()[0] != scales.get_shape()[0]:
            continue
        found = opset.convert(opset.gather(integers, ids, axis), "f32")
        _replace(node, opset.multiply(found, opset.gather(scales, ids, axis)).output(0))
    graph.validate_nodes_and_infer_types()


def shift_to_unsigned_activations(graph: openvino.Model) -> None:
    """Shift the inputs of int8 MatMuls to start at 0, and add the difference to their outputs.

    Inputs that are less by ``low`` give outputs that are less by ``low`` times the sum of the
    weights. Otherwise OpenVINO computes these sums when it loads the model, which takes 0.25 s
    longer for RoBERTa-base.
    """
    shifted: dict[str, openvino.Output] = {}  # by quantizer: q, k and v share one
    for node in _nodes(graph, "MatMul"):
        quantized, weights = node.input_values()
        parts, quantizer = _int8_parts(weights), quantized.get_node()
        if not (parts and _is(quantized, "FakeQuantize") and node.get_attributes()["transpose_b"]):
            continue
        low = quantizer.input_value(3)
        if low.get_shape():  # one for each channel
            continue
        name = quantizer.get_friendly_name()
        if name not in shifted:
            shifted[name] = _shift_to_zero(quantizer)
        node.input(0).replace_source_output(shifted[name])
        integers, scales = map(_values, parts)
        sums = integers.sum(axis=1, dtype=np.int64) * scales.ravel()
        _add_after(node, (_values(low) * sums).astype(np.float32))
    graph.validate_nodes_and_infer_types()


def _shift_to_zero(quantizer: openvino.Node) -> openvino.Output:
    """Quantize to the same levels, shifted to start at 0."""
    numbers, *range_in, low, high = quantizer.input_values()
    range_out = np.float32(0), _values(high) - _values(low)
    levels = quantizer.get_attributes()["levels"]
    return opset.fake_quantize(numbers, *range_in, *range_out, levels).output(0)


def _add_after(node: openvino.Node, numbers: np.ndarray) -> None:
    targets = node.output(0).get_target_inputs()
    added = opset.add(node, numbers).output(0)
    for target in targets:
        target.replace_source_output(added)


def _int8_parts(output: openvino.Output) -> tuple[openvino.Output, openvino.Output] | None:
    """Return the integers and scales of int8 weights, None for others."""
    if not _is(output, "Multiply"):
        return None
    converted, scales = output.get_node().input_values()
    if not (_is(converted, "Convert") and _is(scales, "Constant")):
        return None
    return converted.get_node().input_value(0), scales


def _nodes(graph: openvino.Model, kind: str) -> Iterator[openvino.Node]:
    return (node for node in graph.get_ordered_ops() if node.get_type_name() == kind)


def _replace(node: openvino.Node, by: openvino.Output) -> None:
    for target in node.output(0).get_target_inputs():
        target.replace_source_output(by)


def _values(output: openvino.Output) -> np.ndarray:
    return np.asarray(output.get_node().get_data())


def _is(output: openvino.Output, kind: str) -> bool:
    return bool(output.get_node().get_type_name() == kind)


def _rank(output: openvino.Output) -> int:
    return int(output.get_partial_shape().rank.get_length())
