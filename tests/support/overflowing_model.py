"""A model whose int8 products overflow on processors without VNNI, as graphs of old exports do."""

import json
import shutil
from pathlib import Path

import numpy as np
import openvino
from openvino import opset15 as opset

from inference.model_folder import GRAPH_FILE
from inference.packing import INPUTS

UNITS = 64
LEVELS = 256
SCALE = np.float32(1e-5)


def make_overflowing_model(source: Path, target: Path) -> Path:
    """Copy a model folder, with another graph and without references.

    Each text has 255 in all of its units. Weights of 127 in neighbouring units add up to twice what
    16 bits hold; those of the second label are 127 and 0 in turn, which fit. So the first label's
    probability is 0.99996, and 0.5 where sums overflow.
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
    zeros = sum_of_zeros(inputs)
    units = opset.add(
        opset.multiply(opset.convert(tokens, "f32"), np.zeros((1, UNITS), np.float32)),
        opset.add(zeros, np.float32(255)),
    )
    top = np.float32(LEVELS - 1)
    quantized = opset.fake_quantize(units, np.float32(0), top, np.float32(0), top, LEVELS)
    logits = opset.matmul(
        quantized, opset.multiply(_weights(), np.full((3, 1), SCALE)), False, True
    )
    graph = openvino.Model([logits], list(inputs.values()))
    graph.outputs[0].get_tensor().set_names({"logits"})
    openvino.save_model(graph, target / GRAPH_FILE, compress_to_fp16=False)
    metadata = json.loads((target / "metadata.json").read_text(encoding="utf-8"))
    metadata.pop("self_check", None)
    (target / "metadata.json").write_text(json.dumps(metadata | {"origin": "trained"}))
    return target


def sum_of_zeros(inputs: dict[str, openvino.Node]) -> openvino.Node:
    """Return 0, made of all inputs but the first tokens, so that the graph reads them."""
    read = [opset.reduce_max(inputs[name], np.array([0, 1])) for name in INPUTS[:3]]
    total = opset.add(opset.add(read[0], read[1]), read[2])
    return opset.multiply(opset.convert(total, "f32"), np.float32(0))


def _weights() -> openvino.Node:
    weights = np.zeros((3, UNITS), np.int8)
    weights[0] = 127
    weights[1, ::2] = 127
    return opset.convert(opset.constant(weights), "f32")
