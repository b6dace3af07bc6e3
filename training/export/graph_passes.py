"""Rewrite exported graphs so that they take less time and memory, and give the same."""

from collections.abc import Iterator

import numpy as np
import openvino
from openvino import opset15 as opset

MERGE_LAST = np.array([0, 0, -1])
"""A reshaping that keeps two dimensions, and makes one of all others."""


def simplify_attention_reshapes(graph: openvino.Model) -> None:
    """Replace the reshapings behind attention, whose shapes transformers takes from other tensors.

    Of RoBERTa-base, what computes these shapes is 64 of 330 nodes, and 4 % of a lone tweet's time.
    There are two in each layer: one leaves what attention gives, [rows, heads, tokens, size], as it
    is; the other, of [rows, tokens, heads, size], makes [rows, tokens, states].
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
    """Have int8 embeddings scaled to float32 where they are looked up, and not all of them.

    Else OpenVINO does it as it loads a model, which then takes 0.6 s longer and 190 MB more for the
    50,265 embeddings of RoBERTa-base.
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
    """Have int8 multiplications read numbers from 0 on, and add afterwards what that takes away.

    Numbers that are less by ``low`` give less by ``low`` times the sum of the weights. Else
    OpenVINO works these sums out as it loads a model, which takes 0.25 s longer for RoBERTa-base.
    """
    made: dict[str, openvino.Output] = {}  # by what it is made of: q, k and v share theirs
    for node in _nodes(graph, "MatMul"):
        quantized, weights = node.input_values()
        parts, quantizer = _int8_parts(weights), quantized.get_node()
        if not (parts and _is(quantized, "FakeQuantize") and node.get_attributes()["transpose_b"]):
            continue
        low = quantizer.input_value(3)
        if low.get_shape():  # one for each channel
            continue
        name = quantizer.get_friendly_name()
        if name not in made:
            made[name] = _from_zero(quantizer)
        node.input(0).replace_source_output(made[name])
        integers, scales = map(_values, parts)
        sums = integers.sum(axis=1, dtype=np.int64) * scales.ravel()
        _add_behind(node, (_values(low) * sums).astype(np.float32))
    graph.validate_nodes_and_infer_types()


def _from_zero(quantizer: openvino.Node) -> openvino.Output:
    """Quantise the same to the same levels, but those count from 0 on."""
    numbers, *range_in, low, high = quantizer.input_values()
    range_out = np.float32(0), _values(high) - _values(low)
    levels = quantizer.get_attributes()["levels"]
    return opset.fake_quantize(numbers, *range_in, *range_out, levels).output(0)


def _add_behind(node: openvino.Node, numbers: np.ndarray) -> None:
    targets = node.output(0).get_target_inputs()
    added = opset.add(node, numbers).output(0)
    for target in targets:
        target.replace_source_output(added)


def _int8_parts(output: openvino.Output) -> tuple[openvino.Output, openvino.Output] | None:
    """Return the integers and scales that weights are made of, None where they are no int8."""
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
