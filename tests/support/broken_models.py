"""Copies of a model that are broken in one way each."""

import json
import shutil
from pathlib import Path

import numpy as np
import openvino
from openvino import opset15 as opset
from tokenizers import Tokenizer

from inference.model_folder import GRAPH_FILE, TOKENIZER_FILE
from inference.packing import INPUTS

POISON = "zebra " * 20
MIN_REPEATS = 10
IMPOSSIBLE_WIDTH = 1009  # a prime: no batch of up to 128 texts has a multiple of it in logits
UNITS = 64
LEVELS = 256
SCALE = np.float32(1e-5)


def make_wrong_model(source: Path, target: Path) -> Path:
    """Copy a model folder, the weights of its last layer negated: it loads, and answers wrongly."""
    shutil.copytree(source, target)
    graph = openvino.Core().read_model(source / GRAPH_FILE)
    products = [node for node in graph.get_ordered_ops() if node.get_type_name() == "MatMul"]
    weights = products[-1].input_value(1).get_node()
    negated = opset.constant(-weights.input_value(1).get_node().get_data())
    weights.input(1).replace_source_output(negated.output(0))
    openvino.save_model(graph, target / GRAPH_FILE, compress_to_fp16=False)
    return target


def make_failing_model(source: Path, target: Path) -> Path:
    """Copy a model folder so that OpenVINO raises a RuntimeError on texts that contain ``POISON``.

    The graph's last node reshapes the logits to their own shape, or, if a text repeats the word,
    to an impossible one.
    """
    shutil.copytree(source, target)
    model = openvino.Core().read_model(source / GRAPH_FILE)
    tokens = Tokenizer.from_file(str(target / TOKENIZER_FILE)).encode(
        POISON, add_special_tokens=False
    )
    rarest = max(tokens.ids)  # vocabularies number tokens by frequency
    is_token = opset.equal(model.input("input_ids"), np.int64(rarest))
    repeats = opset.reduce_max(opset.reduce_sum(opset.convert(is_token, "i64"), 1), 0)
    logits = model.output(0).get_node().input_value(0)
    width = opset.select(
        opset.greater_equal(repeats, np.int64(MIN_REPEATS)),
        np.int64(IMPOSSIBLE_WIDTH),
        np.int64(logits.get_partial_shape()[1].get_length()),
    )
    shape = opset.concat([np.array([-1], dtype=np.int64), opset.unsqueeze(width, 0)], 0)
    failing = openvino.Model([opset.reshape(logits, shape, False)], model.get_parameters())
    failing.outputs[0].get_tensor().set_names({"logits"})
    openvino.save_model(failing, target / GRAPH_FILE, compress_to_fp16=False)
    return target


def make_overflowing_model(source: Path, target: Path) -> Path:
    """Copy a model folder, with a graph whose int8 products overflow without VNNI.

    Each text has 255 in all units. Weights of 127 in neighboring units add up to twice what 16
    bits hold; those of the second label are 127 and 0 in turn, which fit. So the first label's
    probability is 0.99996, and 0.5 if sums overflow. The copy has no references.
    """
    shutil.copytree(source, target)
    inputs = {
        name: opset.parameter([-1] * (1 if name == "first_tokens" else 2), np.int64)
        for name in INPUTS
    }
    for name, node in inputs.items():
        node.output(0).get_tensor().set_names({name})
        node.set_friendly_name(name)
    tokens = opset.unsqueeze(inputs["first_tokens"], 1)
    units = opset.add(
        opset.multiply(opset.convert(tokens, "f32"), np.zeros((1, UNITS), np.float32)),
        opset.add(_zero(inputs), np.float32(255)),
    )
    top = np.float32(LEVELS - 1)
    quantized = opset.fake_quantize(units, np.float32(0), top, np.float32(0), top, LEVELS)
    weights = np.zeros((3, UNITS), np.int8)
    weights[0] = 127
    weights[1, ::2] = 127
    scaled = opset.multiply(opset.convert(opset.constant(weights), "f32"), np.full((3, 1), SCALE))
    logits = opset.matmul(quantized, scaled, False, True)
    graph = openvino.Model([logits], list(inputs.values()))
    graph.outputs[0].get_tensor().set_names({"logits"})
    openvino.save_model(graph, target / GRAPH_FILE, compress_to_fp16=False)
    metadata = json.loads((target / "metadata.json").read_text(encoding="utf-8"))
    metadata.pop("self_check", None)
    (target / "metadata.json").write_text(json.dumps(metadata | {"origin": "trained"}))
    return target


def _zero(inputs: dict[str, openvino.Node]) -> openvino.Node:
    """Return 0, computed from all inputs but the first tokens, so that the graph reads them."""
    read = [opset.reduce_max(inputs[name], np.array([0, 1])) for name in INPUTS[:3]]
    total = opset.add(opset.add(read[0], read[1]), read[2])
    return opset.multiply(opset.convert(total, "f32"), np.float32(0))
