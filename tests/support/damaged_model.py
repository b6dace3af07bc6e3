"""A model that loads, runs and gives wrong answers."""

import shutil
from pathlib import Path

import openvino
from openvino import opset15 as opset


def damaged_copy(source: Path, target: Path) -> Path:
    """Copy a model folder, the weights of its last layer negated, which no loader notices."""
    shutil.copytree(source, target)
    graph = openvino.Core().read_model(source / "openvino_model.xml")
    products = [node for node in graph.get_ordered_ops() if node.get_type_name() == "MatMul"]
    weights = products[-1].input_value(1).get_node()
    negated = opset.constant(-weights.input_value(1).get_node().get_data())
    weights.input(1).replace_source_output(negated.output(0))
    openvino.save_model(graph, target / "openvino_model.xml", compress_to_fp16=False)
    return target
